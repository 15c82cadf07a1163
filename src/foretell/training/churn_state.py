"""The learned state of a churn classifier as the files of its folder, and back."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from foretell.errors import BundleError
from foretell.models.boosting import Booster
from foretell.models.calibration import ProbabilityCalibrator
from foretell.models.encoding import Encoding
from foretell.models.logistic import RidgeLogistic
from foretell.models.state import is_finite
from foretell.storage.hashing import canonical_json
from foretell.training.churn_candidates import CANDIDATES, FittedChurn
from foretell.training.churn_evaluation import SCHEMA
from foretell.training.model_folder import NOT_A_STATE, damaged_folder

if TYPE_CHECKING:
    from foretell.training.churn_classifier import ChurnClassifier

Classifier = TypeVar("Classifier", bound="ChurnClassifier")

KIND = "churn_classifier"
_HEAD = "classifier.json"
_RECORD = "evaluation.csv"
_MOST_BOOSTERS = 10


def files_of(model: "ChurnClassifier") -> dict[str, bytes]:
    """Return the files of a fitted classifier; equal classifiers give equal bytes.

    Parameters
    ----------
    model : ChurnClassifier
        A fitted one.

    Returns
    -------
    dict of str to bytes
        Name to content, without the manifest.
    """
    fitted = model.fitted_
    head = {
        "settings": {
            "seed": model.seed,
            "features": None if model.features is None else list(model.features),
            "allow": list(model.allow),
            "folds": model.folds,
            "band_edges": list(model.band_edges),
        },
        "key": model.key_,
        "left_out": model.left_out_,
        "typical": model.typical_,
        "encoding": model.encoding_.to_dict(),
        "chosen": fitted.chosen,
        "level": fitted.level,
        "logistics": [each.to_dict() for each in fitted.logistics],
        "boosters": len(fitted.boosters),
        "calibrator": fitted.calibrator.to_dict(),
    }
    files = {_HEAD: canonical_json(head), _RECORD: model.evaluation_.write_csv().encode()}
    files |= {_booster(number): each.to_text().encode() for number, each in enumerate(fitted.boosters)}
    return files


def restore(model: Classifier, folder: Path, files: Mapping[str, bytes]) -> Classifier:
    """Fill a classifier from the files of its folder.

    Parameters
    ----------
    model : ChurnClassifier
        A new one; its threads stay.
    folder : Path
        Where the files are from, for the message.
    files : mapping of str to bytes
        Verified contents.

    Returns
    -------
    ChurnClassifier
        The same, fitted.

    Raises
    ------
    BundleError
        If the values are not those of a classifier.
    """
    try:
        head = json.loads(files[_HEAD])
        count = min(int(head["boosters"]), _MOST_BOOSTERS)
        if set(files) != {_HEAD, _RECORD, *(_booster(number) for number in range(count))}:
            raise damaged_folder(folder, KIND, "its files are not those of a classifier")
        settings = head["settings"]
        features = None if settings["features"] is None else tuple(settings["features"])
        model.set_params(**settings | {"features": features, "allow": tuple(settings["allow"])})
        model.set_params(band_edges=(_number(settings["band_edges"][0]), _number(settings["band_edges"][1])))
        model.encoding_ = Encoding.from_dict(head["encoding"])
        model.features_ = model.encoding_.features
        model.key_ = str(head["key"])
        model.left_out_ = {str(name): str(why) for name, why in head["left_out"].items()}
        model.typical_ = {str(name): _number(value) for name, value in head["typical"].items()}
        model.evaluation_ = pl.read_csv(io.BytesIO(files[_RECORD]), schema=SCHEMA)
        model.fitted_ = FittedChurn(
            next(name for name in CANDIDATES if name == head["chosen"]),
            _number(head["level"]),
            tuple(RidgeLogistic.from_dict(state) for state in head["logistics"]),
            tuple(
                Booster.from_text(files[_booster(number)].decode(), threads=model.threads) for number in range(count)
            ),
            ProbabilityCalibrator.from_dict(head["calibrator"]),
        )
        model.chosen_ = model.fitted_.chosen
        _require_widths(model)
    except BundleError:
        raise
    except NOT_A_STATE as error:
        raise damaged_folder(folder, KIND, f"its values are not a classifier's ({type(error).__name__})") from error
    return model


def _require_widths(model: "ChurnClassifier") -> None:
    """Raise where a part was made for other columns than the encoding's."""
    levels = tuple(len(model.encoding_.levels.get(name, ())) for name in model.features_)
    fitted = model.fitted_
    if any(each.levels != levels for each in fitted.logistics) or any(
        each.features != len(levels) for each in fitted.boosters
    ):
        message = "parts of different widths"
        raise ValueError(message)
    needs = {"logistic": (True, False), "boosted": (False, True), "blend": (True, True), "base_rate": (False, False)}
    if needs[fitted.chosen] != (bool(fitted.logistics), bool(fitted.boosters)):
        message = "parts of another candidate"
        raise ValueError(message)


def _booster(number: int) -> str:
    return f"booster_{number}.txt"


def _number(value: Any) -> float:
    if not is_finite(value):
        message = "not a finite number"
        raise ValueError(message)
    return float(value)
