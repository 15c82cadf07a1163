"""Lookalikes: more alike first, circular seeds refused, seeds and size told honestly, the same in any order of rows."""

import warnings

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone

import foretell as ft
from foretell.errors import BundleError, DataWarning, LeakageError, NotFitted, SmallSampleWarning, TooFewSeeds
from foretell.evaluation.ranking import spearman
from foretell.training.lookalike_reach import SIZES

ROWS = 1_000
pytestmark = pytest.mark.filterwarnings("ignore::foretell.errors.DataWarning")


def people(rows=ROWS, seed=0):
    """Members with a hidden quality that shows in three of five columns, and a flag of who has it."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=rows)
    visits = rng.poisson(np.exp(1 + 0.6 * quality))
    plan = np.where(quality + rng.normal(0, 1, rows) > 0.5, "gold", np.where(rng.random(rows) < 0.5, "silver", "basic"))
    frame = pl.DataFrame(
        {
            "customer_id": [f"C{number:05}" for number in rng.permutation(90_000)[:rows]],
            "visits": visits,
            "plan": plan,
            "basket": np.round(20 + 5 * quality + rng.normal(0, 5, rows), 2),
            "noise": rng.normal(size=rows),
            "wing": rng.choice(["north", "south"], rows),
            "gender": rng.choice(["f", "m"], rows),
        }
    ).with_columns(basket=pl.when(pl.int_range(rows) % 11 == 0).then(None).otherwise("basket"))
    return frame, quality > 1.0


def seeds_of(frame, good, size, seed=0):
    return frame["customer_id"].filter(pl.Series(good)).sample(size, seed=seed)


@pytest.fixture(scope="module")
def frame():
    return people()[0]


@pytest.fixture(scope="module")
def seeds(frame):
    return seeds_of(frame, people()[1], 60)


@pytest.fixture(scope="module")
def fitted(frame, seeds):
    return ft.Lookalike(seed=1, folds=2).fit(frame, seeds)


def test_hidden_good_customers_come_first_and_seeds_not_at_all(frame, seeds, fitted):
    answers = fitted.score(frame)
    assert answers.height == ROWS - 60
    assert not answers["customer_id"].is_in(seeds.implode()).any()
    good = dict(zip(frame["customer_id"], people()[1], strict=True))
    hidden = answers.with_columns(good=pl.col("customer_id").replace_strict(good))
    top = hidden.filter(pl.col("lookalike_band_percent") <= 5)
    # the quality is known to about half its variance from three columns: three times the base rate is well within reach
    assert top["good"].mean() > 3 * hidden["good"].mean()


def test_scores_ranks_and_bands_agree(frame, fitted):
    answers = fitted.score(frame)
    assert answers["lookalike_score"].is_between(0, 1).all()
    assert spearman(answers["lookalike_score"].to_numpy(), answers["lookalike_percentile"].to_numpy()) > 0.999
    counts = answers.drop_nulls("lookalike_band_percent").group_by("lookalike_band_percent").len().sort("len")
    assert counts["lookalike_band_percent"].sort().to_list() == list(range(1, 11))
    assert counts["len"].max() - counts["len"].min() <= 1
    best = answers.filter(pl.col("lookalike_band_percent") == 1)["lookalike_score"].min()
    assert best >= answers.filter(pl.col("lookalike_band_percent") == 2)["lookalike_score"].max()


def test_the_record_tells_more_than_chance_and_the_control_does_not(fitted):
    reach = fitted.reach_
    assert reach["top_share"].to_list() == list(SIZES)
    at_10 = reach.row(3, named=True)
    assert at_10["lift_low"] > 1
    assert at_10["lift"] <= at_10["lift_ceiling"] <= 10
    assert ((reach["control_lift_low"] <= 1) & (reach["control_lift_high"] >= 1)).all()
    assert (reach["recall_low"] <= reach["recall"]).all()
    assert (reach["recall"] <= reach["recall_high"]).all()
    row = fitted.evaluation_.row(0, named=True)
    assert row["candidate"] == "chosen"
    assert 0.5 < row["low"] < row["value"] < row["high"]


def test_the_record_is_what_hidden_seeds_show(frame, fitted):
    """Recall of seeds that the fit never knew lies within the interval of the record."""
    hidden = (
        frame["customer_id"]
        .filter(pl.Series(people()[1]))
        .filter(~frame.filter(pl.Series(people()[1]))["customer_id"].is_in(fitted.seed_keys_.implode()))
    )
    answers = fitted.score(frame)
    found = answers.filter(pl.col("customer_id").is_in(hidden.implode()))
    row = fitted.reach_.row(4, named=True)
    assert row["recall_low"] - 0.1 <= (found["lookalike_percentile"] > 80).mean() <= row["recall_high"] + 0.1


def test_the_order_of_rows_and_the_split_of_the_pool_change_nothing(frame, seeds, fitted):
    whole = fitted.score(frame)
    columns = ["customer_id", "lookalike_score"]
    same = ft.Lookalike(seed=1, folds=2).fit(frame.reverse(), seeds.reverse())
    assert same.score(frame).equals(whole)
    assert same.reach_.equals(fitted.reach_)
    parts = pl.concat([fitted.score(frame[start : start + 171]) for start in range(0, ROWS, 171)])
    assert parts.select(columns).equals(whole.select(columns))


def test_reasons_name_what_is_more_usual_among_the_seeds(frame, fitted):
    best = fitted.score(frame).sort("lookalike_score", descending=True).head(20)
    told = " ".join(best["reason_1"])
    assert "of the seeds" in told or "seeds typically" in told
    assert "noise" not in told
    assert set(fitted.score(frame, explained=0)["reason_1"]) == {None}
    assert fitted.score(frame, explained=5)["reason_1"].count() == 5


def test_the_profile_compares_the_audience_with_the_pool(frame, fitted):
    audience = fitted.score(frame).filter(pl.col("lookalike_band_percent") <= 10)
    profile = fitted.profile(frame, audience)
    row = profile.filter(condition="plan is gold").row(0, named=True)
    gold = frame.filter(plan="gold").height / ROWS
    mine = frame.filter(pl.col("customer_id").is_in(audience["customer_id"].implode()))
    assert row["pool_share"] == pytest.approx(gold)
    assert row["audience_share"] == pytest.approx(mine.filter(plan="gold").height / mine.height)
    assert row["low"] > 1
    assert row["words"].startswith(f"{row['times_as_likely']:.1f} times more likely that plan is gold")
    assert not profile["column"].is_in(["wing", "gender"]).any()


def test_sensitive_attributes_are_audited_and_not_learnt_from(frame, seeds, fitted):
    assert "gender" not in fitted.features_
    assert fitted.left_out_["gender"] == "is a sensitive attribute"
    shares = fitted.audit_.filter(column="gender")
    assert shares["pool_share"].sum() == pytest.approx(1)
    more = ft.Lookalike(seed=1, folds=2, sensitive=("wing",), allow=("gender",)).fit(frame, seeds)
    assert "gender" in more.features_
    assert "wing" not in more.features_
    assert set(more.audit_["column"]) == {"gender", "wing"}


def test_a_rule_on_three_columns_is_caught_and_so_is_a_disguised_copy():
    frame, _ = people(4_000, seed=3)
    rng = np.random.default_rng(0)
    rule = (pl.col("visits") >= 3) & (pl.col("noise") > 0.2) & (pl.col("wing") == "north")
    disguised = frame.with_columns(
        moon=(-3 * (pl.col("noise") + 5).log() + pl.Series(rng.normal(0, 0.01, frame.height))).round(3),
        side=pl.col("wing").replace({"north": "q", "south": "p"}),
    )
    chosen = disguised.filter(rule)["customer_id"]
    for rows, copies in ((frame, set()), (disguised, {"moon", "side"})):
        with pytest.warns(DataWarning, match="circular"):
            model = ft.Lookalike(folds=2).fit(rows, chosen)
        assert {"visits", "noise", "wing"} | copies <= set(model.left_out_)
        assert "plan" in model.features_
    told = ft.Lookalike(folds=2).fit(disguised, chosen, rule_columns=("noise",))
    assert told.left_out_["noise"] == "defines the seeds"
    assert "near copy of 'noise'" in told.left_out_["moon"]
    let_in = ft.Lookalike(folds=2, allow=("visits", "noise", "wing")).fit(frame, chosen)
    assert {"visits", "noise", "wing"} <= set(let_in.features_)


def test_where_every_column_defines_the_seeds_nothing_is_learnt(frame):
    rows = frame.select("customer_id", "visits", double=2 * pl.col("visits"))
    with pytest.raises(LeakageError, match="Every column defines the seeds") as caught:
        ft.Lookalike().fit(rows, rows.sort("visits").tail(100)["customer_id"])
    assert set(caught.value.columns) == {"visits", "double"}


def test_few_odd_and_repeated_seeds(frame, seeds):
    with pytest.warns(SmallSampleWarning, match="12 seeds are few"):
        few = ft.Lookalike(folds=2).fit(frame, seeds.head(12))
    assert few.chosen_ == "similarity"
    assert set(few.evaluation_["candidate"]) == {"chosen", "similarity"}
    with pytest.raises(TooFewSeeds, match=r"9 of 9 seeds are in the frame; at least 10"):
        ft.Lookalike().fit(frame, seeds.head(9))
    with pytest.raises(ft.FitError, match="0 others are too few"):
        ft.Lookalike().fit(frame, frame["customer_id"])
    strangers = [*seeds, seeds[0], "nobody-1", "nobody-2"]
    with pytest.warns(DataWarning, match=r"1 rows of the seeds repeat one.*2 of 62 seeds are not in the frame"):
        model = ft.Lookalike(folds=2).fit(frame, strangers)
    assert model.unmatched_.to_list() == ["nobody-1", "nobody-2"]
    assert (model.matched_, model.given_, model.duplicates_) == (60, 62, 1)


def test_weights_are_capped_and_move_the_ranking(frame, seeds):
    worth = pl.DataFrame({"customer_id": seeds, "value": [1.0] * 58 + [2.0, 1e9]})
    model = ft.Lookalike(folds=2).fit(frame, worth, weights="value")
    assert model.capped_weights_ == 1
    assert model.effective_seeds_ == pytest.approx((58 + 2 + 5) ** 2 / (58 + 4 + 25))
    for bad in ([0.0] * 60, [-1.0] * 60, [None] * 60):
        with pytest.raises(ft.ForetellError, match=r"above 0|must be numbers"):
            ft.Lookalike().fit(frame, worth.with_columns(value=pl.Series(bad, dtype=pl.Float64)), weights="value")
    with pytest.raises(ft.ColumnMismatch, match="Did you mean 'value'"):
        ft.Lookalike().fit(frame, worth, weights="valeu")


def test_held_out_seeds_overrule_the_blend():
    """Seeds in two pockets of a plane: what is linear sees nothing, trees see the pockets."""
    rng = np.random.default_rng(4)
    places = rng.uniform(-3, 3, (3_000, 2))
    near = [np.hypot(*(places - centre).T) < 0.8 for centre in ((2, 2), (-2, -2))]
    frame = pl.DataFrame({"customer_id": np.arange(3_000), "x": places[:, 0], "y": places[:, 1]})
    chosen = np.concatenate([rng.choice(np.flatnonzero(each), 30, replace=False) for each in near])
    model = ft.Lookalike(folds=2, allow=("x", "y")).fit(frame, chosen.tolist())
    area = dict(model.evaluation_.select("candidate", "value").iter_rows())
    assert model.chosen_ == "pu_bagging"
    assert model.clusters_ > 1
    assert area["chosen"] > area["logistic"] + 0.2


def test_a_saved_model_scores_the_same_and_holds_no_identifier(frame, seeds, fitted, tmp_path):
    fitted.save(tmp_path / "model")
    again = ft.Lookalike.load(tmp_path / "model")
    assert again.score(frame, exclude=seeds).equals(fitted.score(frame))
    assert again.reach_.equals(fitted.reach_)
    assert again.audit_.equals(fitted.audit_)
    assert str(again.seed_rule_) == str(fitted.seed_rule_)
    again.save(tmp_path / "twice")
    for path in (tmp_path / "model").iterdir():
        assert path.read_bytes() == (tmp_path / "twice" / path.name).read_bytes()
        assert not any(identifier.encode() in path.read_bytes() for identifier in seeds.head(20))
    head = tmp_path / "model" / "lookalike.json"
    head.write_bytes(head.read_bytes().replace(b"blend", b"blond", 1))
    with pytest.raises(BundleError, match="changed since it was written"):
        ft.Lookalike.load(tmp_path / "model")


def test_it_is_an_estimator(frame, fitted):
    assert clone(fitted).get_params() == fitted.get_params()
    with pytest.raises(NotFitted, match="not fitted yet"):
        ft.Lookalike().score(frame)
    with pytest.raises(ft.FitError, match=r"folds must be.*most_clusters must be.*threads must be"):
        ft.Lookalike(folds=1, most_clusters=0, threads=0).fit(frame, ["a"])
    assert fitted.score(frame.clear()).height == 0
    nothing = pl.DataFrame({"customer_id": ["a"]}).join(frame.clear(), on="customer_id", how="left")
    with warnings.catch_warnings():
        assert fitted.score(nothing)["prediction_status"].to_list() == ["no_features"]
