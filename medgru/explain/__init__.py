"""Why a prediction came out as it did."""

from medgru.explain.contributions import Contributions, contributions, event_probability

__all__ = ["Contributions", "contributions", "event_probability"]
