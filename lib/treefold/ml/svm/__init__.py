"""Support vector machines with kernels as pyspark.ml Estimators and Models."""

from treefold.ml.svm.estimators import SVC, SVR, OneClassSVM
from treefold.ml.svm.models import OneClassSVMModel, SVCModel, SVRModel

__all__ = ["SVC", "SVR", "OneClassSVM", "OneClassSVMModel", "SVCModel", "SVRModel"]
