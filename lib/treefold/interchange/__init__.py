"""Conversion of models to and from scikit-learn, MLlib and ONNX."""
