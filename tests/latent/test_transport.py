"""Latent transport: against its parts put together by hand, T8, bounds, saving, refusals."""

import numpy as np
import pytest
from sklearn.decomposition import PCA as PRINCIPAL

import gparticles as gpa


def test_it_is_encode_move_decode(clouds, short):
    source, target = clouds
    pca = PRINCIPAL(2).fit(np.concatenate(clouds))
    z, goal = pca.transform(source), pca.transform(target)
    moved = gpa.transport(z, goal, steps=8, fit_steps=1, seed=4).particles
    assert np.abs(moved - z).max() > 0.5

    residuals = source - pca.inverse_transform(z)
    wanted = (target - pca.inverse_transform(goal)).mean(axis=0)
    expected = {
        (True, True): pca.inverse_transform(moved) + residuals - residuals.mean(axis=0) + wanted,
        (True, False): pca.inverse_transform(moved) + residuals,
        (False, True): pca.inverse_transform(moved),
    }
    for (keep, centre), points in expected.items():
        flow = short(keep_residual=keep, centre_residual=centre, seed=4)
        np.testing.assert_allclose(flow.particles, points, atol=1e-4)


def test_of_a_large_target_the_flow_sees_a_part(clouds, short):
    flow = short(most_targets=20)
    rows = np.sort(np.random.default_rng(0).choice(len(clouds[1]), 20, replace=False))
    start, target = flow.codec.encode(clouds[0]), flow.latent_target
    assert len(target) == len(clouds[1])
    moved = gpa.transport(start, target[rows], steps=8, fit_steps=1).particles
    np.testing.assert_allclose(flow.latent.particles, moved, atol=1e-4)


def test_the_batch_shift_goes(clouds, short):
    source, target = clouds

    def apart(points, others):
        return np.linalg.norm(points.mean(axis=0) - others.mean(axis=0))

    long = {"steps": 150}
    flow = short(**long)
    inside = apart(flow.latent.particles, flow.latent_target)
    assert inside < 0.8 * apart(flow.codec.encode(source), flow.latent_target)
    # most of this shift lies outside the two directions, where only the residuals can move: with
    # them centred, what is left is what the latent flow leaves
    assert apart(flow.particles, target) == pytest.approx(inside, rel=1e-4)
    as_they_are = short(**long, centre_residual=False).particles
    assert apart(as_they_are, target) > 1.5 * inside


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unmoved_samples_come_back_to_the_last_bit(dtype, clouds, short):
    source = clouds[0].astype(dtype)
    flow = short(source, step_size=1e-30, centre_residual=False)
    np.testing.assert_array_equal(flow.particles, source)
    assert flow.particles.dtype == dtype
    np.testing.assert_array_equal(flow(clouds[1].astype(dtype)), clouds[1].astype(dtype))


def test_new_points_ride(clouds, short):
    flow = short()
    np.testing.assert_allclose(flow(clouds[0]), flow.particles, rtol=1e-5, atol=1e-5)
    # a sample moves alike alone, and its residual goes with it
    np.testing.assert_allclose(flow(clouds[0][:1]), flow.particles[:1], rtol=1e-5, atol=1e-5)
    inside = flow.codec.decode(flow.codec.encode(clouds[0]))
    away = clouds[0] - inside
    np.testing.assert_allclose(flow(clouds[0]) - flow(inside), away, atol=1e-4)


@pytest.mark.parametrize("lipschitz", [0.5, 2.0])
def test_the_latent_bound(lipschitz, clouds, short):
    # columns of very different units, so that the decoder stretches
    units = np.geomspace(0.5, 50, clouds[0].shape[1])
    flow = short(*(cloud * units for cloud in clouds), codec=gpa.PCA(2, standardise=True))
    decoded = [flow.codec.decode(z) for z in (flow.latent.particles, flow.latent_target)]
    true = gpa.divergence(*decoded, lipschitz=lipschitz)
    bound = flow.divergence_bound(lipschitz=lipschitz)
    assert true.lower <= bound.upper
    assert bound.lipschitz == pytest.approx(lipschitz * flow.decoder_lipschitz)
    # without the decoder's constant it would not hold
    latent = gpa.divergence(flow.latent.particles, flow.latent_target, lipschitz=lipschitz)
    assert latent.upper < true.lower
    assert flow.lipschitz == pytest.approx(flow.latent.lipschitz / flow.decoder_lipschitz)


def test_the_latent_bound_is_equality_for_isometries(short):
    flow = short()
    decoded = [flow.codec.decode(z) for z in (flow.latent.particles, flow.latent_target)]
    true, bound = (
        gpa.divergence(*decoded, f=gpa.Alpha(2.0)),
        flow.divergence_bound(f=gpa.Alpha(2.0)),
    )
    assert bound.upper == pytest.approx(true.upper, rel=2e-3)
    assert flow.decoder_lipschitz == pytest.approx(1, rel=1e-12)


def test_an_unknown_constant_bounds_nothing(clouds, short, refused):
    pca = PRINCIPAL(2).fit(np.concatenate(clouds))
    flow = short(codec=pca)
    assert flow.lipschitz is None
    refused(flow.divergence_bound, "gpa.PCA", "lipschitz=")
    known = short(codec=gpa.Transformer(pca, lipschitz=1.0))
    assert known.divergence_bound().upper > 0
    np.testing.assert_allclose(known.particles, short().particles, atol=1e-4)


def test_what_is_lost(clouds, short):
    flow = short()
    for cloud, lost in zip(clouds, flow.lost, strict=True):
        residual = cloud - flow.codec.decode(flow.codec.encode(cloud))
        assert lost == pytest.approx(residual.var(axis=0).sum() / cloud.var(axis=0).sum())


def test_weights_count_in_the_residuals(clouds, short):
    weights = np.r_[np.ones(10), np.zeros(20)]
    flow = short(source_weights=weights)
    residual = clouds[0] - flow.codec.decode(flow.codec.encode(clouds[0]))
    np.testing.assert_allclose(flow.residuals.mean[0], residual[:10].mean(axis=0), atol=1e-12)


def test_images_within_bounds(clouds, short):
    images = [cloud.reshape(-1, 3, 4) for cloud in clouds]
    flow = short(*images, bounds=(-1, 2))
    assert flow.particles.shape == (30, 3, 4)
    assert flow.particles.min() == -1
    assert flow.particles.max() == 2
    free = short()
    np.testing.assert_allclose(
        flow.particles.reshape(30, -1), np.clip(free.particles, -1, 2), atol=1e-5
    )
    assert flow(images[1]).shape == (40, 3, 4)


def test_labels(clouds, short, refused):
    labels = {"labels": np.arange(30) % 2, "target_labels": np.arange(40) % 2}
    flow = short(**labels)
    assert flow(clouds[0], labels["labels"]).shape == clouds[0].shape
    refused(lambda: flow(clouds[0]), "label")


def test_a_lower_dimension_is_told(clouds, short):
    flow = short(*(cloud[:, :2] for cloud in clouds), latent_dim=50)
    assert flow.latent_target.shape == (40, 2)
    assert "latent_dim is 2 and not 50" in flow.notes[0]
    assert short().notes == ()


def test_saved_and_loaded(clouds, short, tmp_path, refused):
    flow = short(bounds=(-5, 5), scale_residual=True)
    flow.save(tmp_path / "run")
    again = gpa.load_latent_flow(tmp_path / "run")
    np.testing.assert_array_equal(again.particles, flow.particles)
    np.testing.assert_array_equal(again(clouds[1]), flow(clouds[1]))
    assert again.lost == flow.lost
    assert again.bounds == (-5, 5)
    assert again.divergence_bound().upper == flow.divergence_bound().upper
    assert repr(again) == repr(flow)
    refused(lambda: flow.save(tmp_path / "run"), "overwrite=True")
    flow.save(tmp_path / "run", overwrite=True)
    refused(lambda: gpa.load_latent_flow(tmp_path), "latent.json is missing")
    (tmp_path / "run" / "latent.safetensors").write_bytes(b"no")
    refused(lambda: gpa.load_latent_flow(tmp_path / "run"), "damaged")


def test_other_libraries_objects_are_not_pickled(clouds, short, tmp_path, refused):
    flow = short(codec=PRINCIPAL(2).fit(np.concatenate(clouds)))
    refused(lambda: flow.save(tmp_path / "run"), "pickle", "gpa.PCA")
    assert not (tmp_path / "run").exists()


def test_refused(clouds, short, refused):
    source, target = clouds
    refused(lambda: short(source[:, :5]), "same columns")
    refused(lambda: short(np.where(source > 3, np.nan, source)), "nan", "source")
    refused(lambda: short(target=target[:0]), "no data")
    refused(lambda: short(bounds=(2, 1)), "bounds")
    refused(lambda: short(seed=-1), "seed")
    refused(lambda: short(latent_dim=0), "latent_dim")
    refused(lambda: short(keep_residual=False, scale_residual=True), "scale_residual")
    refused(lambda: short(codec="pca"), "transform")
    refused(lambda: short()(source[:, :5]), "columns")
    narrow = PRINCIPAL(2).fit(source[:, :5])
    refused(lambda: short(codec=narrow), "5 features")


def test_a_fitted_codec_is_used_as_it_is(clouds, short):
    codec = gpa.PCA(2).fit(clouds[1])
    assert short(codec=codec).codec is codec
    assert short(codec=gpa.PCA(2)).codec.is_fitted


def test_classes_have_residuals_and_means_of_their_own(clouds, short):
    source, target = clouds
    labels, others = np.arange(30) % 3 == 0, np.arange(40) % 2 == 0
    # outside of the latent space, where no move reaches
    away = np.linalg.svd(np.concatenate(clouds), full_matrices=True)[2][-1] * 4
    source = source + labels[:, None] * away
    settings = {"labels": labels, "target_labels": others, "codec": gpa.PCA(2).fit(target)}
    flow = short(source, align=gpa.GaussianMap(0.1), **settings)

    def residual(points, chosen):
        return (points - flow.codec.decode(flow.codec.encode(points)))[chosen].mean(axis=0)

    for label in (False, True):
        wanted = residual(target, others == label)
        np.testing.assert_allclose(residual(flow.particles, labels == label), wanted, atol=1e-4)
    # in the latent space too, since eight short steps move little after the alignment
    start = flow.alignment(flow.codec.encode(source), labels.astype(int))
    wanted = flow.latent_target[others].mean(axis=0)
    np.testing.assert_allclose(start[labels].mean(axis=0), wanted, atol=1e-9)


def test_missing_labels_of_old_and_new_samples(clouds, short, tmp_path):
    source, target = clouds
    labels = (source[:, 0] > np.median(source[:, 0])).astype(float)
    others = (target[:, 0] > np.median(target[:, 0])).astype(float)
    gaps = labels.copy()
    gaps[[2, 5]] = np.nan
    flow = short(labels=gaps, target_labels=others)
    assert "2 were missing" in flow.notes[0]
    filled = flow.labelled[1]
    np.testing.assert_array_equal(np.delete(filled, [2, 5]), np.delete(labels, [2, 5]))
    again = short(labels=filled, target_labels=others)
    np.testing.assert_array_equal(again.particles, flow.particles)
    # a new sample without a label moves as with that of its neighbours
    moved = flow(source, np.full(30, np.nan))
    picked = [flow(source, np.full(30, label)) for label in (0, 1)]
    alike = [np.isclose(moved, points, atol=1e-6).all(axis=1) for points in picked]
    assert np.all(alike[0] | alike[1])
    assert min(alike[0].sum(), alike[1].sum()) > 3
    flow.save(tmp_path / "run")
    loaded = gpa.load_latent_flow(tmp_path / "run")
    np.testing.assert_array_equal(loaded(source, np.full(30, np.nan)), moved)


def test_columns_are_matched_before_the_codec(clouds, short):
    source, target = clouds
    units = np.geomspace(0.5, 2, 12)
    away = source * units + 100
    flow = short(away, columns=gpa.ColumnMap())
    rows = (away - away.mean(axis=0)) / away.std(axis=0) * target.std(axis=0) + target.mean(axis=0)
    by_hand = short(rows)
    np.testing.assert_allclose(flow.particles, by_hand.particles, atol=1e-4)
    np.testing.assert_allclose(flow(away), flow.particles, rtol=1e-5, atol=1e-5)


def test_columns_see_balanced_classes(clouds, short):
    source, _ = clouds
    labels, others = np.arange(30) % 3 == 0, np.arange(40) % 2 == 0
    flow = short(labels=labels, target_labels=others, columns=gpa.ColumnMap())
    weights = gpa.class_weights(labels, others)
    np.testing.assert_allclose(flow.columns.source, weights @ source, atol=1e-12)


def test_the_alignment_is_saved(short, clouds, tmp_path):
    flow = short(align=gpa.GaussianMap(), columns=gpa.ColumnMap())
    np.testing.assert_allclose(flow(clouds[0]), flow.particles, rtol=1e-5, atol=1e-5)
    flow.save(tmp_path / "run")
    again = gpa.load_latent_flow(tmp_path / "run")
    np.testing.assert_array_equal(again(clouds[0]), flow(clouds[0]))
