"""Kernel functions: rows of a kernel matrix as one matrix product and one loop over its entries."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from treefold.algorithms.svm.kernels import exponentials

DENSE_SHARE = 0.02  # stored entries of a row from which dense products are faster
CHUNK = 1024  # rows whose kernel values are held at once
SINGLE_ERROR = 0.2  # of the tolerance, that kernel values of float32 may be wrong by, times the largest bound


class Kernel(NamedTuple):
    """A kernel function.

    Attributes
    ----------
    name : str
        ``rbf``: ``exp(-gamma |x - z|^2)``; ``linear``: ``x . z``; ``poly``: ``(gamma x . z + coef0)^degree``;
        ``sigmoid``: ``tanh(gamma x . z + coef0)``.
    gamma, coef0 : float
    degree : int
    """

    name: str = "rbf"
    gamma: float = 1.0
    degree: int = 3
    coef0: float = 0.0

    def values(self, products: NDArray, left: NDArray, right: NDArray) -> NDArray:
        """Kernel values of products.

        Parameters
        ----------
        products : (n, m)
            Products ``x . z``; may be overwritten.
        left : (n,)
            Squared lengths ``x . x``.
        right : (m,)
            Squared lengths ``z . z``.

        Returns
        -------
        (n, m)
        """
        if self.name == "linear":
            return products
        if self.name == "rbf":
            if products.dtype == np.float32:
                exponentials(products, left, right, self.gamma)
                return products
            products *= -2.0
            products += left[:, None]
            products += right
            np.maximum(products, 0.0, out=products)
            products *= -self.gamma
            return np.exp(products, out=products)
        products *= products.dtype.type(self.gamma)
        products += products.dtype.type(self.coef0)
        return np.tanh(products, out=products) if self.name == "sigmoid" else products**self.degree

    def largest(self, square: float) -> float:
        """A bound of the kernel's values for rows of squared length ``square`` at most."""
        if self.name == "rbf":
            return 1.0
        if self.name == "linear":
            return square
        inner = self.gamma * square + abs(self.coef0)
        return float(inner**self.degree) if self.name == "poly" else 1.0

    def single_error(self, square: float) -> float:
        """About the error of a kernel value of float32 arithmetic."""
        unit = 2.0**-24
        slope = {"rbf": 2 * self.gamma * square, "sigmoid": self.gamma * square}.get(self.name, 0.0)
        if self.name == "poly":
            slope = self.degree * self.largest(square)
        return unit * (self.largest(square) + slope)


def precision(kernel: Kernel, square: float, bound: float, tol: float) -> type:
    """float32 if the error of its kernel values, times the largest bound, is far below the tolerance; else float64.

    Parameters
    ----------
    kernel : Kernel
        The kernel function.
    square : float
        The largest squared length of a row.
    bound : float
        The largest finite bound of a coefficient.
    tol : float
        Tolerance of the fit.

    Returns
    -------
    type
    """
    return np.float32 if kernel.single_error(square) * max(1.0, bound) <= SINGLE_ERROR * tol else np.float64


class Rows(NamedTuple):
    """Rows between which kernel values are computed, in one precision.

    Attributes
    ----------
    X : (rows, features), dense or CSR
    squares : (rows,)
    """

    X: Any
    squares: NDArray

    @classmethod
    def of(cls, X: Any, dtype: type) -> "Rows":
        """Rows of an array or CSR; CSR that stores many of its entries becomes dense."""
        if issparse(X):
            X = csr_array(X)
            if X.nnz > DENSE_SHARE * X.shape[0] * X.shape[1]:
                X = X.toarray()
        if issparse(X):
            X = X.astype(dtype)
            return cls(X, np.asarray(X.multiply(X).sum(axis=1), dtype).ravel())
        X = np.ascontiguousarray(X, dtype)
        return cls(X, np.einsum("ij,ij->i", X, X))

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.X.shape[0])

    def taken(self, which: NDArray) -> "Rows":
        """Some of the rows."""
        return Rows(self.X[which], self.squares[which])

    def kernel(self, kernel: Kernel, other: "Rows") -> NDArray:
        """The kernel matrix between these rows and others, ``(rows, other rows)``, in the precision of the rows."""
        if issparse(self.X):
            left = self.X.toarray() if issparse(other.X) else self.X
            products = np.asarray(other.X @ left.T).T if issparse(other.X) else np.asarray(self.X @ other.X.T)
            products = np.ascontiguousarray(products)
        elif issparse(other.X):
            products = np.ascontiguousarray(np.asarray(other.X @ self.X.T).T)
        else:
            products = self.X @ other.X.T
        return kernel.values(products, self.squares, other.squares)

    def sums(self, kernel: Kernel, other: "Rows", coefficient: NDArray) -> NDArray:
        """``sum_j K(x_i, z_j) coefficient[j]`` for each row, added in float64.

        Parameters
        ----------
        kernel : Kernel
            Kernel function.
        other : Rows
            Rows z.
        coefficient : (len(other), ...)
            Coefficients; they may have further axes.

        Returns
        -------
        (rows, ...) float64
        """
        found = np.empty((self.size, *coefficient.shape[1:]))
        for first in range(0, self.size, CHUNK):
            run = slice(first, first + CHUNK)
            part = Rows(self.X[run], self.squares[run])
            found[run] = part.kernel(kernel, other).astype(np.float64, copy=False) @ coefficient
        return found
