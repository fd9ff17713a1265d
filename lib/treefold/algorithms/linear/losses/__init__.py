"""Losses of linear models: objects with their value, their derivatives and their start.

A loss is a function of margins and labels alone: it knows neither data nor coefficients. With m the margin of a row and
y its label:

============================  =====================================================  ===============  ==============
loss                          formula                                                labels           outputs
============================  =====================================================  ===============  ==============
``squared``                   ``(m - y)^2 / 2``                                      numbers          1
``logistic``                  ``log(1 + exp(m)) - y m``                              0, 1             1
``softmax``                   ``log(sum_k exp(m_k)) - m_y``                          0 .. K - 1       K
``poisson``                   ``exp(m) - y m``                                       counts           1
``squared_hinge``             ``sum_k max(0, 1 - s_k m_k)^2``, ``s_k`` +1 or -1      0 .. K - 1       1 if K = 2
``Hinge``                     ``sum_k max(0, 1 - s_k m_k)``                          0 .. K - 1       1 if K = 2
``EpsilonInsensitive(e)``     ``max(0, |m - y| - e)``                                numbers          1
``Quantile(q)``               ``q r`` for ``r = y - m >= 0``, else ``(q - 1) r``     numbers          1
``Huber(e)``                  quadratic up to e scales, linear beyond                numbers          1 and a scale
============================  =====================================================  ===============  ==============

A loss of your own is a subclass of :class:`Loss`.
"""

from treefold.algorithms.linear.losses.base import Loss, Start
from treefold.algorithms.linear.losses.classification import Hinge, Logistic, Softmax, SquaredHinge
from treefold.algorithms.linear.losses.regression import EpsilonInsensitive, Huber, Poisson, Quantile, Squared

squared, logistic, softmax, squared_hinge, poisson = Squared(), Logistic(), Softmax(), SquaredHinge(), Poisson()

__all__ = [
    "EpsilonInsensitive",
    "Hinge",
    "Huber",
    "Logistic",
    "Loss",
    "Poisson",
    "Quantile",
    "Softmax",
    "Squared",
    "SquaredHinge",
    "Start",
    "logistic",
    "poisson",
    "softmax",
    "squared",
    "squared_hinge",
]
