"""The tracking store's aliases follow the registry, which leads."""

from foretell.bundles.registry import Registry
from foretell.config.settings import Settings


def mirror(settings: Settings, registry: Registry) -> None:
    """Make the tracking store's aliases follow the registry.

    Parameters
    ----------
    settings : Settings
        Whether and where runs are tracked.
    registry : Registry
        The registry that leads.
    """
    if settings.tracking.enabled:
        from foretell.tracking.mlflow_tracker import MlflowTracker

        MlflowTracker(settings.folders.models, experiment=settings.tracking.experiment).mirror_roles(
            registry.state().roles
        )
