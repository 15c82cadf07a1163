"""Held-out seeds: what judges them was chosen without them."""

import numpy as np
import pytest

from foretell.training.held_out_seeds import choose_clusters, hold_out, seed_folds
from foretell.training.lookalike_candidates import Settings

FOLDS, MOST = 3, 4
NUMBERS = Settings(levels=(0, 0), clusters=1, seed=0, threads=1)


def pockets(seed):
    """600 people on a plane, and 45 seeds in two pockets that a single centre describes badly."""
    rng = np.random.default_rng(seed)
    everybody = rng.normal(0, 1, (600, 2))
    centres = np.array([[1.5, 1.0], [-1.0, -1.5]])
    own = centres[rng.integers(0, 2, 45)] + rng.normal(0, 0.7, (45, 2))
    matrix = np.vstack([everybody, own])
    return matrix, np.repeat([0.0, 1.0], [600, 45])


def inner_choices(matrix, seeds):
    """Clusters that the seeds outside each fold choose among themselves."""
    own, fold = np.flatnonzero(seeds), seed_folds(seeds, FOLDS, NUMBERS.seed)
    found = []
    for number in range(FOLDS):
        others = seeds.copy()
        others[own[fold == number]] = 0.0
        found.append(choose_clusters(matrix, others, np.ones(len(seeds)), NUMBERS, folds=FOLDS, most=MOST))
    return fold, found


@pytest.fixture(scope="module")
def undecided():
    """Seeds whose folds do not agree on the number of clusters."""
    for number in range(40):
        matrix, seeds = pockets(number)
        fold, inside = inner_choices(matrix, seeds)
        if len(set(inside)) > 1:
            return matrix, seeds, fold, inside
    pytest.fail("no draw splits the folds")


def test_a_fold_is_ranked_by_clusters_that_its_seeds_had_no_say_in(undecided):
    matrix, seeds, fold, inside = undecided
    ones = np.ones(len(seeds))
    judged = hold_out(matrix, seeds, ones, NUMBERS, folds=FOLDS, candidates=("similarity",), most_clusters=MOST)
    for number, clusters in enumerate(inside):
        given = Settings(NUMBERS.levels, clusters, NUMBERS.seed, NUMBERS.threads)
        same = hold_out(matrix, seeds, ones, given, folds=FOLDS, candidates=("similarity",))
        own = fold == number
        assert judged.places["similarity"][own].tolist() == same.places["similarity"][own].tolist()
    fixed = [
        hold_out(matrix, seeds, ones, Settings(NUMBERS.levels, clusters, 0, 1), folds=FOLDS, candidates=("similarity",))
        for clusters in set(inside)
    ]
    for one in fixed:
        assert one.places["similarity"].tolist() != judged.places["similarity"].tolist()


def test_the_choice_reads_no_clusters_of_the_settings_and_keeps_to_the_most(undecided):
    matrix, seeds, _, _ = undecided
    ones, two = np.ones(len(seeds)), Settings(NUMBERS.levels, 2, 0, 1)
    chosen = choose_clusters(matrix, seeds, ones, two, folds=FOLDS, most=MOST)
    assert chosen == choose_clusters(matrix, seeds, ones, NUMBERS, folds=FOLDS, most=MOST)
    assert choose_clusters(matrix, seeds, ones, NUMBERS, folds=FOLDS, most=1) == 1
