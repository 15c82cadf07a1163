"""Segments as TOML: read with every problem at once, taken over, filled in, written back."""

from dataclasses import replace

import pytest

from foretell.delivery.ready_segments import ready_definitions, ready_segments, shop_segments
from foretell.delivery.segment_toml import as_segment, read_definitions, read_folder, render
from foretell.delivery.segments import Segment

READY = ready_definitions()


def read(text, name="segments/mine.toml"):
    return read_definitions([(name, text.encode())])


def one(text):
    (definition,), problems = read(text)
    assert problems == []
    return as_segment(definition, READY)


FULL = """
[[segments]]
name = "spring"
title = "Spring"
where = "orders >= 2"
description = "Bought in spring."
action = "Write."
owner = "Anna"
exclusive = "seasons"
priority = 2
order_by = "predicted_clv DESC, orders"
limit = 500
sample = 0.5
holdout = 0.1
split = "spring-test"
channels = ["email", "meta"]
utm = {campaign = "spring", source = "shop"}
columns = ["orders"]
why = ["{orders} orders"]
people = "everyone"
"""


def test_every_key_is_read():
    assert one(FULL) == Segment(
        name="spring",
        title="Spring",
        where="orders >= 2",
        description="Bought in spring.",
        action="Write.",
        owner="Anna",
        exclusive="seasons",
        priority=2,
        order_by=("predicted_clv DESC", "orders"),
        limit=500,
        sample=0.5,
        holdout=0.1,
        split="spring-test",
        channels=("email", "meta"),
        utm=(("source", "shop"), ("campaign", "spring")),
        columns=("orders",),
        why=("{orders} orders",),
        people="everyone",
    )


def test_a_file_may_be_one_segment_named_after_it():
    assert one("where = 'orders = 1'").name == "mine"


def test_an_empty_file_is_no_segment():
    assert read("") == ((), [])


def test_problems_of_all_files_come_at_once_with_their_remedy():
    broken = '[[segments]]\nname = "Big Spenders"\nwhere = 3\nlimit = 0\nsampel = 0.1\nholdout = 10'
    broken += (
        '\nchannels = ["e-mail"]\nutm = {sorce = "x"}\npriority = true\nsample = 1.5\norder_by = "orders downwards"'
    )
    _, problems = read_definitions([("a.toml", broken.encode()), ("b.toml", b"x = "), ("c.toml", b"\xff")])
    told = "\n".join(problems)
    for words in (
        "name is not usable",
        "where must be an SQL condition",
        "limit must be a whole number",
        "no key 'sampel'. Did you mean 'sample'?",
        "holdout must be a share from 0 to 0.9",
        "unknown channel 'e-mail'. Did you mean 'email'?",
        "unknown part 'sorce'. Did you mean 'source'?",
        "priority must be",
        "sample must be",
        "order_by must name columns",
        "b.toml is not TOML (at ",
        "c.toml is not UTF-8",
    ):
        assert words in told, words
    assert len(problems) == 12


def test_a_segment_takes_over_a_ready_one_and_changes_what_it_says():
    taken = one('[[segments]]\nname = "long"\nlike = "buyers_by_days_lapsed"\nparameters = {to_days = 400}\nlimit = 9')
    assert taken.where == "days_since_last_order BETWEEN 1 AND 400"
    assert taken.title.endswith("1 to 400 days old")
    assert (taken.limit, taken.owner, taken.ready) == (9, "Paid media", False)


def test_parameters_stand_in_texts_and_names_without_breaking_out():
    where = one('like = "in_country"\nparameters = {country = "Côte d\'Ivoire\' OR orders > 0 OR \'"}').where
    assert where == "last_order_country = 'Côte d''Ivoire'' OR orders > 0 OR '''"
    assert one('like = "in_country"\nparameters = {country = "l\'île"}').otherwise == "profile_country = 'l''île'"
    (definition,), _ = read('like = "holiday_shoppers"\nparameters = {event = "x >= 0 OR y"}')
    with pytest.raises(ValueError, match="letters, digits and _ only"):
        as_segment(definition, READY)
    crossed = one('like = "cross_sell_category"\nparameters = {bought = "shorts", missing = "tops"}')
    assert crossed.where == "cross_sell_from_category = 'shorts' AND cross_sell_category = 'tops'"
    did = one('like = "custom_event"\nparameters = {event = "cart"}')
    assert did.where == "cart_events_last_30d >= 1"
    assert did.needs == ("cart_events_last_30d",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('like = "win_bak"', "Did you mean 'win_back'"),
        ('title = "No rule"', "where is missing"),
        ('like = "cross_sell_category"', "parameters must give a value for bought, missing"),
        ('where = "orders > {many}"', "there is no such parameter"),
    ],
)
def test_what_cannot_be_filled_in_is_told(text, words):
    (definition,), _ = read(text)
    with pytest.raises(ValueError, match=words):
        as_segment(definition, READY)


@pytest.mark.parametrize("name", [segment.name for segment in ready_segments() if not segment.off])
def test_a_segment_written_as_toml_reads_back_the_same(name):
    segment = next(segment for segment in ready_segments() if segment.name == name)
    assert one(render(segment)) == replace(segment, ready=False)


def test_odd_texts_survive_writing():
    odd = Segment("odd", 'say "hi" \\ £', "band = 'a\"b\\' AND\n orders > 1", 'two\nlines """ here', "é\t'x'")
    (definition,), problems = read(render(odd))
    assert problems == []
    assert as_segment(definition, {}).where == odd.where


def test_a_shop_replaces_chooses_and_holds_out(tmp_path):
    folder = tmp_path / "segments"
    folder.mkdir()
    (folder / "vip.toml").write_text('like = "vip"\nlimit = 100\nholdout = 0', encoding="utf-8")
    (folder / "life.toml").write_text('name = "life"\nlike = "life_stage"\nparameters = {category = "prams"}', "utf-8")
    own, problems = read_folder(folder)
    segments, more = shop_segments(own, ready=["win_back", "vip", "test_sample", "nothing"], holdout=0.2)
    assert problems == []
    assert more == ["segments.ready: there is no ready segment 'nothing'."]
    found = {segment.name: segment for segment in segments}
    assert list(found) == ["win_back", "test_sample", "life", "vip"]
    assert found["vip"].limit == 100
    # Its own word, a default, and the ready segment's own word.
    assert [found[name].holdout for name in ("vip", "win_back", "test_sample")] == [0.0, 0.2, 0.5]
    (asked,), _ = shop_segments(ready=["life_stage"])
    assert asked.off == "It needs a value of yours for category."
    # Taken over by name, a sensitive segment is asked for.
    assert found["life"].off == ""


def test_a_rule_of_ones_own_has_no_stand_in_of_a_ready_one():
    own = one('like = "in_country"\nparameters = {country = "CH"}\nwhere = "last_order_country = \'LI\'"')
    assert (own.where, own.otherwise) == ("last_order_country = 'LI'", "")
