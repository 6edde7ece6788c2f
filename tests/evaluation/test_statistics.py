"""Statistics of units, against closed forms and simulation."""

import itertools

import numpy as np
import pytest
from scipy import stats

from recbench.evaluation.statistics import (
    drawn_means,
    drawn_ratios,
    interval,
    minimum_detectable_effect,
    noise_floor,
    paired_interval,
    ratio_interval,
    sign_flip_test,
    standard_error,
    worst_case,
)


def test_bootstrap_means_spread_as_the_standard_error_says():
    values = np.random.default_rng(0).normal(size=200)
    means = drawn_means(values, np.arange(200), seed=0)
    assert means.mean() == pytest.approx(values.mean(), abs=0.005)
    assert means.std() == pytest.approx(values.std() / np.sqrt(200), rel=0.05)


def test_dependence_within_a_seed_widens_the_interval():
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(10), 5)
    values = rng.normal(size=10)[clusters] + rng.normal(0, 0.1, 50)
    apart, together = interval(values, np.arange(50), seed=0), interval(values, clusters, seed=0)
    assert together.high - together.low > 1.5 * (apart.high - apart.low)
    assert apart.mean == together.mean == pytest.approx(values.mean())


@pytest.mark.parametrize(("seeds", "groups"), [(2, 1), (2, 4), (3, 1), (4, 1), (5, 4), (7, 3), (20, 3), (40, 2)])
def test_intervals_cover_the_truth_about_as_often_as_they_say(seeds, groups):
    rng = np.random.default_rng(2)
    clusters = np.repeat(np.arange(seeds), groups)
    runs = rng.normal(size=(1000, seeds))[:, clusters] + rng.normal(size=(1000, len(clusters)))
    found = [interval(values, clusters, seed=0) for values in runs]
    covered = np.mean([each.low <= 0 <= each.high for each in found])
    assert 0.93 <= covered <= 0.975  # 95% but for five of its standard errors, .007


@pytest.mark.parametrize("seeds", [4, 40])
def test_a_lower_level_is_a_narrower_interval(seeds):
    values = np.random.default_rng(12).normal(size=seeds)
    wide, narrow = interval(values, np.arange(seeds), 0), interval(values, np.arange(seeds), 0, level=0.9)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_few_seeds_take_the_interval_of_students_t():
    values = np.random.default_rng(13).normal(size=5)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert interval(values, np.arange(5), seed=0)[1:] == pytest.approx(expected)


def test_what_is_drawn_spreads_as_the_interval_says():
    rng = np.random.default_rng(14)
    clusters = np.repeat(np.arange(6), [1, 2, 3, 4, 5, 6])
    values = rng.normal(size=6)[clusters] + rng.normal(size=21)
    drawn = drawn_means(values, clusters, seed=0, draws=200_000)
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx(interval(values, clusters, seed=0)[1:], rel=0.03)


def test_with_one_seed_each_group_counts_for_itself():
    values = np.random.default_rng(15).normal(size=8)
    assert interval(values, np.zeros(8), seed=0) == interval(values, np.arange(8), seed=0)


def test_seeds_of_unequal_size_are_resampled_too():
    clusters = np.repeat(np.arange(30), [3, *[1] * 29])
    values = np.where(clusters == 0, 1.0, 0.0)
    means = drawn_means(values, clusters, seed=0)
    shares = [3 * k / (3 * k + 30 - k) for k in range(4)]  # cluster 0 drawn k times
    assert set(np.round(shares, 9)) <= set(np.round(np.unique(means), 9))


@pytest.mark.parametrize("units", [6, 30])
def test_all_systems_are_drawn_together(units):
    values = np.random.default_rng(3).normal(size=units)
    means = drawn_means(np.stack([values, values + 1]), np.arange(units), seed=0)
    np.testing.assert_allclose(means[1] - means[0], 1)


@pytest.mark.parametrize("units", [6, 40])
def test_a_ratio_of_a_fixed_scale_is_a_mean(units):
    values = np.random.default_rng(16).normal(1, 0.2, units)
    found = ratio_interval(values, np.full(units, 2.0), np.arange(units), seed=0)
    assert found == pytest.approx(interval(values / 2, np.arange(units), seed=0))


def test_the_interval_of_a_ratio_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(17)
    covered = 0
    for _ in range(1000):
        under = rng.normal(2, 0.3, 8)
        found = ratio_interval(0.5 * under + rng.normal(0, 0.1, 8), under, np.arange(8), seed=0)
        covered += found.low <= 0.5 <= found.high
    assert 0.93 <= covered / 1000 <= 0.975


def test_ratios_are_drawn_around_the_ratio_of_means():
    rng = np.random.default_rng(18)
    over, under = rng.normal(1, 0.1, (2, 3, 8))
    drawn = drawn_ratios(over, under, np.arange(8), seed=0)
    assert drawn.shape == (3, 10_000)
    assert np.median(drawn, axis=1) == pytest.approx(over.mean(axis=1) / under.mean(axis=1), rel=0.01)


def test_a_paired_interval_sees_what_an_unpaired_one_would_not():
    rng = np.random.default_rng(4)
    shared = rng.normal(0, 5, 30)
    found = paired_interval(shared + rng.normal(0.3, 0.1, 30), shared, np.arange(30), seed=0)
    assert 0.2 < found.low < found.mean < found.high < 0.4


def test_units_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="do not pair"):
        paired_interval(np.zeros(3), np.zeros(2), np.arange(3), seed=0)


def test_a_single_unit_has_no_interval():
    found = interval(np.array([0.4]), np.array([0]), seed=0)
    assert found.mean == 0.4
    assert np.isnan([found.low, found.high]).all()


def test_the_sign_flip_test_enumerates_every_pattern():
    differences = np.random.default_rng(5).normal(0.4, 1, 9)
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product([1, -1], repeat=9)]
    expected = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-9)
    assert sign_flip_test(differences, np.arange(9), seed=0) == pytest.approx(expected)


def test_sampling_signs_agrees_with_a_t_test_on_many_units():
    differences = np.random.default_rng(6).normal(0.25, 1, 60)
    expected = stats.ttest_1samp(differences, 0).pvalue
    assert sign_flip_test(differences, np.arange(60), seed=0) == pytest.approx(expected, abs=0.01)


def test_groups_of_one_seed_flip_together():
    differences = np.ones(20)
    assert sign_flip_test(differences, np.repeat(np.arange(4), 5), seed=0) == 2 / 2**4


def test_no_difference_at_all_has_the_p_value_one():
    assert sign_flip_test(np.zeros(8), np.arange(8), seed=0) == 1


def test_the_standard_error_is_the_usual_one_for_independent_units():
    values = np.random.default_rng(7).normal(size=25)
    assert standard_error(values, np.arange(25)) == pytest.approx(stats.sem(values))


def test_the_standard_error_of_repeated_units_is_that_of_the_seeds():
    seeds = np.random.default_rng(8).normal(size=12)
    assert standard_error(np.repeat(seeds, 4), np.repeat(np.arange(12), 4)) == pytest.approx(stats.sem(seeds))
    assert np.isnan(standard_error(seeds, np.zeros(12)))


def test_the_minimum_detectable_effect_is_2_8_standard_errors_of_many_units():
    values = np.random.default_rng(9).normal(size=400)
    assert minimum_detectable_effect(values, np.arange(400)) == pytest.approx(2.8016 * stats.sem(values), rel=1e-4)


def test_few_units_take_t_quantiles():
    values = np.random.default_rng(10).normal(size=6)
    factor = stats.t.ppf(0.975, 5) + stats.t.ppf(0.8, 5)
    assert minimum_detectable_effect(values, np.arange(6)) == pytest.approx(factor * stats.sem(values))


def test_an_effect_of_the_minimum_size_is_found_four_times_in_five():
    rng = np.random.default_rng(11)
    effects = [minimum_detectable_effect(noise, np.arange(40)) for noise in rng.normal(size=(1000, 40))]
    runs = rng.normal(size=(1000, 40)) + np.array(effects)[:, None]
    assert np.mean(stats.ttest_1samp(runs, 0, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.05)


def test_the_noise_floor_is_the_size_of_a_a_differences():
    floor = noise_floor(np.array([0.01, -0.03, 0.02]))
    assert floor.mean == pytest.approx(0.02)
    assert floor.largest == 0.03


def test_the_worst_case_finds_the_attack_that_is_worst_everywhere():
    effects = np.array([[0.0, 0.1, 0.0, 0.1], [2.0, 2.2, 1.8, 2.0]])
    assert worst_case(effects, np.array([0, 0, 1, 1])) == pytest.approx(2.0)


def test_a_worst_case_needs_two_seeds():
    with pytest.raises(ValueError, match="at least two"):
        worst_case(np.ones((3, 2)), np.array([7, 7]))
