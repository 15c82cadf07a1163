"""Every error and warning that foretell raises by intent, and the exit code each becomes.

ForetellError
  x DataError            input rows or columns break the contract             exit 3
  x WindowError          a cutoff or window lies where there is no data        exit 3
    + HorizonNotObserved   a label window reaches past the observed time
  x ColumnMismatch       a frame lacks columns that an estimator reads         exit 1
  x NotFitted            predict before fit                                    exit 1
  x FitError             the data cannot carry this model                      exit 3
    + LeakageError         columns know the outcome that is to be predicted
    + TooFewSeeds          too few seeds of a lookalike are in the frame
  x ConfigError          the config file or an option is wrong                 exit 2
  x BundleError          a bundle is damaged or of another kind                exit 1
    + ModelNotFound        no such bundle, or no champion yet
  x OutputError          a result cannot be written                            exit 1
  x TrackingError        the tracking store refused                            exit 1
  x ClusterMismatch      workers of a cluster are not set up as the driver is   exit 1
  x GateRefused          a quality gate refused to publish or promote          exit 4
  x InputTooOld          the newest row is older than allowed                  exit 5
  x LockHeld             another run holds the output folder                   exit 75
  x DatabaseUnavailable  a database cannot be reached, or is shutting down     exit 75
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Violation:
    """One broken rule of the input contract, without any value from the data.

    Parameters
    ----------
    table : str
        Name of the table, as in ``orders``.
    column : str or None
        Column concerned; None when the rule is about the whole table.
    rule : str
        What is wrong, as a short sentence.
    count : int
        Number of rows (or columns, or files) concerned, >= 0.
    rows : tuple of int
        Up to three 1-based row numbers of the source (a header line is not counted).
    remedy : str
        What the user can do about it.
    share : float
        The rule is broken where more than this share of all rows is concerned, 1 where all are; 0 where any is.
    """

    table: str
    column: str | None
    rule: str
    count: int
    rows: tuple[int, ...] = ()
    remedy: str = ""
    share: float = 0.0

    def __str__(self) -> str:
        """Return the violation as one line of plain text."""
        where = self.table if self.column is None else f"{self.table}.{self.column}"
        rows = f" (rows {', '.join(str(row) for row in self.rows)}{', …' if self.count > len(self.rows) else ''})"
        remedy = f"\n    Remedy: {self.remedy}" if self.remedy else ""
        return f"{where}: {self.rule} [{self.count:,}]{rows if self.rows else ''}{remedy}"


class ForetellError(Exception):
    """Base of every error that foretell raises by intent."""

    exit_code = 1


class DataError(ForetellError, ValueError):
    """Input rows or columns break the contract; all problems at once.

    Parameters
    ----------
    violations : sequence of Violation
        Every problem found, at least one.
    source : str or None
        What was read, as the user named it.
    """

    exit_code = 3

    def __init__(self, violations: Sequence[Violation], *, source: str | None = None) -> None:
        self.violations = tuple(violations)
        self.source = source
        head = f"{len(self.violations)} problem{'s' if len(self.violations) != 1 else ''} in the input"
        if source is not None:
            head += f" {source}"
        super().__init__("\n".join([f"{head}:", *(f"  - {violation}" for violation in self.violations)]))


class WindowError(ForetellError, ValueError):
    """A cutoff or window lies where there is no data."""

    exit_code = 3


class HorizonNotObserved(WindowError):
    """A label window reaches past the time up to which the shop was observed."""


class ColumnMismatch(ForetellError, ValueError):
    """A frame lacks columns that are read, or holds them in an unusable type."""


class NotFitted(ForetellError, ValueError, AttributeError):
    """An estimator was asked to predict before it was fitted."""


class FitError(ForetellError, ValueError):
    """The data cannot carry this model; the text says why and what to do instead."""

    exit_code = 3


class LeakageError(FitError):
    """Columns know the outcome that is to be predicted; a model would lean on what it will not have.

    Parameters
    ----------
    message : str
        Every column with its figure and the remedy.
    columns : tuple of str
        The columns.
    """

    def __init__(self, message: str, columns: tuple[str, ...]) -> None:
        self.columns = columns
        super().__init__(message)

    def __reduce__(self) -> tuple[type, tuple[str, tuple[str, ...]]]:
        return type(self), (str(self), self.columns)


class TooFewSeeds(FitError):
    """Fewer seeds than resemblance can be learnt from are in the frame."""


class ConfigError(ForetellError, ValueError):
    """The configuration or a command-line option is wrong; all problems at once.

    Parameters
    ----------
    problems : sequence of str
        One sentence per problem, at least one.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class BundleError(ForetellError, ValueError):
    """A bundle is damaged, incomplete or of another kind; nothing of it was used."""


class ModelNotFound(BundleError):
    """There is no such bundle, or no champion has been promoted yet."""


class OutputError(ForetellError, OSError):
    """A result cannot be written; what was there before is untouched."""


class TrackingError(ForetellError, RuntimeError):
    """The tracking store refused; never a reason for scoring to fail."""


class ClusterMismatch(ForetellError, RuntimeError):
    """The workers of a cluster are not set up as the driver is: their digits could not be trusted."""

    @classmethod
    def between(cls, driver: Mapping[str, str], worker: Mapping[str, str]) -> "ClusterMismatch":
        """Name the libraries that differ.

        Parameters
        ----------
        driver, worker : mapping of str to str
            Version by library.

        Returns
        -------
        ClusterMismatch
            To be raised.
        """
        names = sorted({*driver, *worker})
        differ = [
            f"{name} {driver.get(name, 'absent')} on the driver, {worker.get(name, 'absent')} on a worker"
            for name in names
            if driver.get(name) != worker.get(name)
        ]
        return cls(
            f"Libraries differ between the driver and the workers: {'; '.join(differ)}. Scores would differ with them. "
            "Remedy: install the same versions on every node, or ship one environment (spark.archives) to all."
        )


class GateRefused(ForetellError):
    """A quality gate refused to publish or promote."""

    exit_code = 4


class InputTooOld(ForetellError):
    """The newest row of the input is older than allowed."""

    exit_code = 5


class LockHeld(ForetellError):
    """Another run holds the folder; try later."""

    exit_code = 75


class DatabaseUnavailable(ForetellError, OSError):
    """A database cannot be reached now; try later."""

    exit_code = 75


class ForetellWarning(UserWarning):
    """Base of every warning that foretell issues by intent."""


class ConvergenceWarning(ForetellWarning):
    """A fit ended without meeting its convergence test."""


class SmallSampleWarning(ForetellWarning):
    """There are too few customers or orders for the number to be trusted."""


class DataWarning(ForetellWarning):
    """The input holds something that a person should look at."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest known word, or an empty text.

    Parameters
    ----------
    name : str
        The word that was not found.
    known : iterable of str
        The words that exist.

    Returns
    -------
    str
        ``" Did you mean 'x'?"`` with a leading space, or ``""``.
    """
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
