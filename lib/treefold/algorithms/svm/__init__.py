"""Support vector machines with kernels: classification, regression, one class. All machines of a fit share its passes.

=============== =================================================================================
module          holds
=============== =================================================================================
``problem``     the dual problem that the three tasks share
``kernel``      kernel functions; ``kernels`` has compiled loops
``row_cache``   cached rows of the kernel matrix
``working_set`` the exact solver
``machine``     one machine: its rows, and how a set of them is solved
``cascade``     machines of the blocks, merged along the tree
``certificate`` the optimality over all rows
``feedback``    rounds of certificate and feedback after the cascade
``direct``      the fit of all rows on the driver
``nystroem``    the approximation by landmarks
``fit``         the choice of the solver
``result``      results of fits and rounds
``model``       the fitted model
=============== =================================================================================
"""

from treefold.algorithms.svm.fit import fit, select_solver
from treefold.algorithms.svm.kernel import Kernel
from treefold.algorithms.svm.machine import Machine
from treefold.algorithms.svm.model import SvmModel
from treefold.algorithms.svm.nystroem import fit_nystroem
from treefold.algorithms.svm.problem import Task
from treefold.algorithms.svm.result import Fitted, Round

__all__ = ["Fitted", "Kernel", "Machine", "Round", "SvmModel", "Task", "fit", "fit_nystroem", "select_solver"]
