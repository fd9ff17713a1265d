"""Models of ours as models of others: scikit-learn, MLlib, ONNX."""
