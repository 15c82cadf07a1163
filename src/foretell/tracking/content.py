"""What is written down of a training run: parameters, metrics, tags and files, without any customer."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import polars as pl

from foretell import __version__
from foretell.bundles.bundle import Bundle
from foretell.bundles.files import bundle_files, save_bundle
from foretell.engines.trained_model import TrainedModel
from foretell.errors import TrackingError

BUNDLE_FOLDER = "bundle"
VERSION_TAG = "bundle_version"
_DESCRIPTION_TAG = "mlflow.note.content"
_LIBRARIES = ("polars", "numpy", "scipy")
_FIGURE_DPI = 150


def run_name(model: TrainedModel) -> str:
    """Return what a run is called: rung, cutoff, first digits of the bundle's version.

    Parameters
    ----------
    model : TrainedModel
        What was trained.

    Returns
    -------
    str
        One line.
    """
    return f"{model.bundle.rung} as of {model.bundle.as_of:%Y-%m-%d} {model.version[:8]}"


def run_tags(model: TrainedModel) -> dict[str, str]:
    """Return the tags of a run, the model card as its description among them.

    Parameters
    ----------
    model : TrainedModel
        What was trained.

    Returns
    -------
    dict of str to str
        Also found again by `VERSION_TAG`.
    """
    return {
        VERSION_TAG: model.version,
        "rung": model.bundle.rung,
        "as_of": model.bundle.as_of.isoformat(),
        _DESCRIPTION_TAG: bundle_files(model.bundle)["MODEL_CARD.md"].decode(),
    }


def run_parameters(bundle: Bundle) -> dict[str, str]:
    """Return what a run was trained with and what the fit found.

    Parameters
    ----------
    bundle : Bundle
        The fitted values; the facts of its card are taken over one by one.

    Returns
    -------
    dict of str to str
        Dotted names: settings, ``training.fingerprint`` of the data, fitted parameters, versions.
    """
    settings = {
        "rung": bundle.rung,
        "as_of": bundle.as_of.isoformat(),
        **vars(bundle.horizons),
        "annual_discount_rate": bundle.annual_discount_rate,
    }
    # Lists are sentences for people: they stand in the card, which is the run's description.
    facts = {name: value for name, value in _flat(bundle.card, "") if not isinstance(value, list | tuple)}
    versions = {"version.foretell": __version__, "version.python": python_version()}
    versions |= {f"version.{name}": version(name) for name in _LIBRARIES}
    return {name: str(value) for name, value in {**settings, **facts, **versions}.items()}


def run_metrics(bundle: Bundle) -> dict[str, float]:
    """Return the backtest's values at the newest cutoff.

    Parameters
    ----------
    bundle : Bundle
        Its record is read.

    Returns
    -------
    dict of str to float
        ``target.metric`` of the bundle's own rung, ``rung/target.metric`` of every other row, none if the bundle
        was never judged; ``tuning.loss`` and ``tuning.default_loss`` of a tuned one.
    """
    rows = newest(bundle.record["backtest"]).drop_nulls("value")
    own = pl.col("rung") == bundle.rung
    name = pl.col("target") + "." + pl.col("metric")
    named = rows.select(pl.when(own).then(name).otherwise(pl.col("rung") + "/" + name).alias("name"), "value")
    tuning = bundle.card.get("tuning", {})
    losses = {f"tuning.{name}": float(tuning[name]) for name in ("loss", "default_loss") if name in tuning}
    return losses | {str(key): float(value) for key, value in zip(named["name"], named["value"], strict=True)}


def write_files(model: TrainedModel, folder: Path) -> None:
    """Write the files of a run: the bundle, the tables of its record, trials of a study, figures.

    Parameters
    ----------
    model : TrainedModel
        What was trained.
    folder : Path
        An empty folder.

    Raises
    ------
    TrackingError
        If the bundle does not have the model's version.
    """
    if save_bundle(model.bundle, folder / BUNDLE_FOLDER) != model.version:
        msg = "The bundle changed after it was trained."
        raise TrackingError(msg)
    tables = folder / "tables"
    tables.mkdir()
    for name, frame in model.bundle.record.items():
        if not frame.is_empty():
            frame.write_csv(tables / f"{name}.csv")
    if model.trials is not None:
        model.trials.write_csv(tables / "tuning_trials.csv")
    _draw(model.bundle, folder / "figures")


def newest(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a record's frame at its newest cutoff.

    Parameters
    ----------
    frame : polars.DataFrame
        With ``cutoff`` as ISO text.

    Returns
    -------
    polars.DataFrame
        Empty if the frame is.
    """
    return frame.filter(pl.col("cutoff") == pl.col("cutoff").max())


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _draw(bundle: Bundle, folder: Path) -> None:
    from foretell.plots.backtest import plot_calibration, plot_decile_value
    from foretell.plots.style import page_figure

    folder.mkdir()
    for name in ("deciles", "calibration"):
        own = newest(bundle.record[name]).filter(pl.col("rung") == bundle.rung)
        for (target,), rows in own.group_by("target", maintain_order=True):
            with page_figure() as (figure, axes):
                if name == "deciles":
                    plot_decile_value(rows, axes, unit="orders" if target == "orders" else None)
                else:
                    plot_calibration(rows, axes, event="churned" if target == "churn" else "bought")
                axes.set_title(f"{target}, predicted before {rows['cutoff'][0][:10]}")
                figure.savefig(
                    folder / f"{name}_{target}.png", dpi=_FIGURE_DPI, facecolor="white", metadata={"Software": None}
                )
