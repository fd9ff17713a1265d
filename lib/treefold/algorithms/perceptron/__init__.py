"""Multilayer perceptrons: a batch of networks of one shape, trained in the same passes over the data.

Each network minimises, over its training rows,

    1 / sum_i w_i * sum_i w_i loss(f(x_i), y_i) + ridge / 2 * |weights|^2

where ``f`` consists of affine maps with an activation between them. Biases are not penalised.

============== ==================================================================================
module         holds
============== ==================================================================================
``layers``     the order of the numbers of a network in a flat array
``kernels``    compiled loops between the matrix products
``losses``     the losses
``network``    forward and backward products
``objective``  the statistic of the objective and its gradient
``problem``    the function that a solver minimises
``epochs``     the loop of mini-batches; ``minibatch`` and ``local_epoch`` have its statistics
``fit``        the whole fit; ``private`` has that under differential privacy
``model``      the fitted model
============== ==================================================================================
"""

from treefold.algorithms.perceptron.epochs import MiniBatches
from treefold.algorithms.perceptron.fit import PerceptronFit, fit
from treefold.algorithms.perceptron.layers import Layers
from treefold.algorithms.perceptron.model import PerceptronModel
from treefold.algorithms.perceptron.network import Network

__all__ = ["Layers", "MiniBatches", "Network", "PerceptronFit", "PerceptronModel", "fit"]
