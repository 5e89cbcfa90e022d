"""Why a prediction came out as it did."""

from medgru.explain.contributions import Contributions, contributions

__all__ = ["Contributions", "contributions"]
