"""A forecast in words, one line each."""

from collections.abc import Callable

from seedmill.cli.display import duration
from seedmill.cli.forecast import NOT_COVERED, Forecast, LimitForecast, Verdict
from seedmill.cli.intervals import Interval


def sentences(projected: Forecast | None, target: int) -> list[str]:
    """What the whole run takes, which limits end it first, and what nobody knows."""
    if projected is None:
        return ["no candidate was made, so nothing can be projected"]
    said = [f"yield: {_range(projected.rate, _percent)}", f"for {target:,} rows:"]
    figures: list[tuple[str, Interval | None, Callable[[float], str]]] = [
        ("candidates", projected.candidates, _whole),
        ("tokens", projected.tokens, _whole),
        ("cost", projected.cost, _money),
        ("time at the preview's speed", projected.hours, _time),
        ("GPU hours at that speed", projected.gpu_hours, _money),
    ]
    said += [f"  {name}: {_range(interval, form)}" for name, interval, form in figures if interval is not None]
    said += [_limit(each, target) for each in projected.limits]
    said.append(f"in parentheses: 95 %. Not covered: {'; '.join(NOT_COVERED)}.")
    return said


def _limit(limit: LimitForecast, target: int) -> str:
    name = f"{limit.name} ({limit.allows:,.10g})"
    match limit.ends_run:
        case Verdict.NO:
            return f"{name} suffices for {target:,} rows"
        case Verdict.UNKNOWN:
            return f"{name}: how long it lasts depends on the number of GPUs; give --gpus"
        case Verdict.YES | Verdict.PERHAPS:
            when = "ends" if limit.ends_run is Verdict.YES else "may end"
            rows = "" if limit.rows is None else f", at {_range(limit.rows, _whole)} rows"
            return f"{name} {when} the run before its target{rows}"


def _range(interval: Interval, form: Callable[[float], str]) -> str:
    """`about 12 (9 to 17)`."""
    high = "more than can be told" if interval.high is None else form(interval.high)
    bounds = f"{form(interval.low)} to {high}"
    return f"{bounds}, no more is known" if interval.estimate is None else f"about {form(interval.estimate)} ({bounds})"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _money(value: float) -> str:
    return f"{value:,.2f}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _time(hours: float) -> str:
    return duration(3600 * hours)
