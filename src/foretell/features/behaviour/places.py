"""Great-circle distances from customers to places."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from foretell.features.behaviour.seen import NEVER
from foretell.features.history import Floats, Ints

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""

_DECIMALS = 3


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest place of each customer.

    Parameters
    ----------
    place : ndarray of int64, shape (C,)
        Row of the place, the first of equals; -1 without coordinates.
    km : ndarray of float64, shape (C,)
        Distance, in whole metres; NaN without coordinates.
    in_reach : ndarray of int64, shape (C,)
        Places whose radius covers the customer.
    """

    place: Ints
    km: Floats
    in_reach: Ints


def nearest(lat: Floats, lon: Floats, places: pl.DataFrame) -> Nearest:
    """Find the nearest place of each customer.

    Parameters
    ----------
    lat, lon : ndarray of float64, shape (C,)
        Degrees; NaN where unknown.
    places : polars.DataFrame
        ``lat``, ``lon`` (degrees) and ``radius_km`` where there is one.

    Returns
    -------
    Nearest
        Places without coordinates are passed over.
    """
    best, km = np.full(lat.size, NEVER, dtype=np.int64), np.full(lat.size, np.nan)
    reached = np.zeros(lat.size, dtype=np.int64)
    radii = places["radius_km"].to_list() if "radius_km" in places.columns else [None] * places.height
    spots = zip(places["lat"].to_list(), places["lon"].to_list(), radii, strict=True)
    for number, (place_lat, place_lon, radius) in enumerate(spots):
        if place_lat is None or place_lon is None:
            continue
        away = distance_km(lat, lon, place_lat, place_lon)
        nearer = (away < km) | (np.isnan(km) & ~np.isnan(away))
        best[nearer], km[nearer] = number, away[nearer]
        if radius is not None:
            reached += away <= radius
    return Nearest(best, km, reached)


def distance_km(lat: Floats, lon: Floats, other_lat: float, other_lon: float) -> Floats:
    """Return great-circle distances to one point.

    Parameters
    ----------
    lat, lon : ndarray of float64
        Degrees.
    other_lat, other_lon : float
        Degrees.

    Returns
    -------
    ndarray of float64
        Kilometres in whole metres, so that the last bits of sines decide nothing.

    References
    ----------
    Sinnott (1984), "Virtues of the haversine", Sky and Telescope 68(2), 159.
    """
    phi, other_phi = np.radians(lat), np.radians(other_lat)
    a = np.sin((phi - other_phi) / 2) ** 2
    a = a + np.cos(phi) * np.cos(other_phi) * np.sin(np.radians(lon - other_lon) / 2) ** 2
    km: Floats = np.round(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(a, 1.0))), _DECIMALS)
    return km
