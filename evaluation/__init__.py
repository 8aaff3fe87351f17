"""Measuring: forecasts scored, matched, calibrated, compared and judged, with error bars everywhere.

`evaluation.TreeEvaluator` scores one tree on one case; everything else is imported from its module. Names
are loaded when they are used, so that the command line starts quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.tree import ProbabilityTree, TreeEvaluator, TreeNode

__all__ = ["ProbabilityTree", "TreeEvaluator", "TreeNode"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from evaluation import tree

        return getattr(tree, name)
    raise AttributeError(f"module 'evaluation' has no attribute {name!r}")
