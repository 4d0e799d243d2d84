"""Training, compared with NumPy and scikit-learn."""

import copy
import gc
import pickle
import threading
import warnings
import weakref

import cusgd
import numpy as np
import pandas as pd
import pytest
import scipy.optimize


def test_evaluation_in_a_callback():
    random = np.random.default_rng(3)
    X = random.normal(size=(100, 3))
    y = X @ [1.0, 2, 3] + random.normal(size=100)
    trainer, found = cusgd.Trainer(X, y, epochs=3, average=False), []
    trainer.fit(callback=lambda now: found.append(trainer.evaluate(X, y).mse))
    assert len(found) == 3 and len(set(found)) == 3
    assert found[-1] == trainer.evaluate(X, y).mse == trainer.model().evaluate(X, y).mse


def test_evaluation_of_validation_rows():
    """Weights that are powers of two tell which rows are held out, by the sums of the confusion matrix."""
    random = np.random.default_rng(5)
    X = random.normal(size=(20, 2))
    y = (X[:, 0] + random.normal(size=20) > 0).astype(float)
    weight = 2.0 ** np.arange(20)
    trainer = cusgd.Trainer(X, y, sample_weight=weight, loss="logistic", valid_fraction=0.4, l2=0.1, precision="double")
    result, found = trainer.fit(), trainer.evaluate_valid()
    assert found.confusion is not None
    held = (int(np.sum(found.confusion)) >> np.arange(20)) & 1 == 1
    assert found.rows == held.sum() == 8
    expected = trainer.model().evaluate(X[held], y[held], sample_weight=weight[held])
    assert found.confusion == expected.confusion and found.accuracy == expected.accuracy
    assert found.loss == pytest.approx(expected.loss) == pytest.approx(result.valid_loss)
    with pytest.raises(cusgd.UsageError, match="no validation rows"):
        cusgd.Trainer(X, y).evaluate_valid()


def test_exact_is_least_squares(regression):
    X, y, _, _ = regression
    model = cusgd.fit(X, y, solver="exact")
    expected = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)[0]
    np.testing.assert_allclose(np.append(model.weight, model.bias), expected, rtol=1e-9, atol=1e-11)


def test_defaults_reach_least_squares(regression):
    X, y, _, _ = regression
    model = cusgd.fit(X, y)
    residual = (
        y - np.column_stack([X, np.ones(len(X))]) @ np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)[0]
    )
    assert model.evaluate(X, y).mse < 1.001 * np.mean(residual**2)
    assert model.result.converged
    assert model.options["optimizer"] == "auto"


def test_weights_offset_and_several_outputs(regression, rng):
    X, y, _, _ = regression
    weights = rng.integers(0, 3, len(y)).astype(float)
    repeated = np.repeat(np.arange(len(y)), weights.astype(int))
    offset = rng.normal(size=len(y))
    options = {"solver": "exact"}
    a = cusgd.fit(X, y, sample_weight=weights, offset=offset, **options)
    b = cusgd.fit(X[repeated], (y - offset)[repeated], **options)
    np.testing.assert_allclose(a.weight, b.weight, rtol=1e-9, atol=1e-9)
    both = cusgd.fit(X, np.column_stack([y, -y]), **options)
    np.testing.assert_allclose(both.weight[1], -both.weight[0], rtol=1e-9, atol=1e-11)
    assert both.predict(X).shape == (len(y), 2)


def test_poisson_with_exposure_is_a_glm(rng):
    linear_model = pytest.importorskip("sklearn.linear_model")
    X = rng.normal(size=(400, 2))
    years = rng.uniform(0.5, 3, 400)
    y = rng.poisson(years * np.exp(X @ [0.5, -0.3])).astype(float)
    model = cusgd.fit(X, y, loss="poisson", exposure=years, solver="newton", gradient_tolerance=1e-10)
    reference = linear_model.PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(X, y / years, sample_weight=years)
    np.testing.assert_allclose(model.weight[0], reference.coef_, rtol=1e-6)
    np.testing.assert_allclose(model.predict(X, exposure=years), years * reference.predict(X), rtol=1e-6)


def test_classes_by_name(classes):
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = classes
    names = np.where(y == 1, "ham", "spam")
    model = cusgd.fit(X, names, loss="logistic", solver="newton", l2=1e-2)
    assert model.classes == ["ham", "spam"]
    reference = linear_model.LogisticRegression(C=1 / (1e-2 * len(y)), tol=1e-10).fit(X, names)
    np.testing.assert_allclose(
        cusgd.fit(X, names, loss="logistic", solver="newton", l2=1e-2, standardize=False).weight, reference.coef_, rtol=1e-5
    )
    assert set(model.predict(X, "class")) == {"ham", "spam"}
    assert model.evaluate(X, names).accuracy == np.mean(model.predict(X, "class") == names)
    np.testing.assert_allclose(model.predict(X, "probability"), 1 / (1 + np.exp(-model.predict(X, "link"))))
    with pytest.raises(ValueError, match="no class of the model"):
        model.evaluate(X[:1], ["eggs"])
    with pytest.raises(ValueError, match="needs two classes"):
        cusgd.fit(X, np.resize(["a"], len(y)), loss="logistic")


def names_of(kind, y):
    """Return classes 0 and 1 as text of a kind."""
    return {
        "text": np.where(y == 1, "yes", "no"),
        "bytes": np.where(y == 1, b"yes", b"no"),
        "object": np.where(y == 1, "yes", "no").astype(object),
        "string": pd.array(np.where(y == 1, "yes", "no"), dtype="string"),
        "categorical": pd.Categorical(np.where(y == 1, "yes", "no")),
        "digits": np.where(y == 1, "2", "1"),
        "integers": y.astype(int).astype(object),
        "booleans": (y == 1).astype(object),
        "numbers": y,
    }[kind]


@pytest.mark.parametrize("loss", ["logistic", "modified-huber", "squared_hinge"])
@pytest.mark.parametrize("kind", ["text", "bytes", "object", "string", "categorical", "digits", "integers", "booleans"])
def test_classes_of_validation_data(kind, loss, classes):
    """The losses on validation data are those of numbers, whatever the classes are called."""
    X, y = classes
    options = {"loss": loss, "epochs": 4}
    expected = cusgd.fit(X[:300], y[:300], valid=(X[300:], y[300:]), **options)
    names = names_of(kind, y)
    found = cusgd.fit(X[:300], names[:300], valid=(X[300:], names[300:]), **options)
    np.testing.assert_array_equal(found.history["valid_loss"], expected.history["valid_loss"])
    assert found.result.epoch == expected.result.epoch
    assert found.evaluate(X, names).accuracy == expected.evaluate(X, y).accuracy
    assert found.classes == {"digits": ["1", "2"], "integers": None, "booleans": None}.get(kind, ["no", "yes"])


def test_classes_of_text_and_numbers_together(classes):
    X, y = classes
    text, digits = names_of("text", y), names_of("digits", y)
    expected = cusgd.fit(X, text, loss="logistic", epochs=2, valid=(X, text)).history["valid_loss"]
    for names, valid in ((text, y), (text, 2 * y - 1), (digits, y + 1), (digits, (y + 1).astype(int).astype(object))):
        found = cusgd.fit(X, names, loss="logistic", epochs=2, valid=(X, valid))
        np.testing.assert_array_equal(found.history["valid_loss"], expected)


@pytest.mark.parametrize(
    ("names", "valid", "message"),
    [
        ("text", np.array(["YES", "no"]), "no class of the model .no, yes.: YES"),
        ("digits", np.array([0.0, 1.0]), "no class of the model .1, 2.: 0"),
        ("text", np.array([0.0, 7.0]), "7"),
        ("text", np.array(["yes", None]), "missing"),
    ],
)
def test_unknown_classes_of_validation_data(names, valid, message, classes):
    X, y = classes
    with pytest.raises(ValueError, match=message):
        cusgd.fit(X, names_of(names, y), loss="logistic", valid=(X[:2], valid))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_classes(missing, classes):
    X, y = classes
    names = names_of("object", y)
    names[3] = missing
    with pytest.raises(ValueError, match="y has missing values"):
        cusgd.fit(X, names, loss="logistic")


def test_validation_and_history(regression):
    X, y, _, _ = regression
    seen = []
    model = cusgd.fit(X[:400], y[:400], valid=(X[400:], y[400:]), callback=seen.append)
    assert len(seen) == len(model.history) == model.result.epochs
    assert model.history["valid_loss"].min() >= model.result.valid_loss * (1 - 1e-12)
    assert cusgd.fit(X, y, callback=lambda now: now.epoch == 2).result.stop == "cancelled"


def test_a_callback_that_fails_ends_the_run(regression):
    X, y, _, _ = regression

    def fail(now):
        raise LookupError(now.epoch)

    with pytest.raises(LookupError):
        cusgd.fit(X, y, callback=fail)


def test_trainer_goes_on(regression):
    X, y, weight, bias = regression
    trainer = cusgd.Trainer(X, y, optimizer="sgd", batch=50, epochs=2)
    trainer.step(7)
    trainer.fit()
    for _ in range(20):
        trainer.fit()
    assert trainer.result.epochs == 42
    assert trainer.optimum() < trainer.result.objective < 1.05 * trainer.optimum()
    trainer.set_coefficients(weight, bias)
    np.testing.assert_allclose(trainer.coefficients()[0], [weight], rtol=1e-6)


def test_equal_seeds_give_equal_bits(regression):
    X, y, _, _ = regression
    runs = [cusgd.fit(X, y, epochs=3, seed=seed, threads=threads).to_bytes() for seed, threads in ((1, 1), (1, 2), (2, 1))]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_files_pickles_and_arrays(regression, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    X, y, _, _ = regression
    model = cusgd.fit(X, y, solver="exact")
    model.save(tmp_path / "m.safetensors")
    tensors = safetensors.load_file(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(tensors["weight"], model.weight)
    for other in (
        cusgd.Model.load(tmp_path / "m.safetensors"),
        pickle.loads(pickle.dumps(model)),
        cusgd.Model.from_bytes(model.to_bytes()),
        cusgd.Model.from_arrays(model.weight, model.bias),
    ):
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
    assert pickle.loads(pickle.dumps(model)).standard_errors.tolist() == model.standard_errors.tolist()
    assert model.standard_errors.shape == (1, 5)
    with pytest.raises(ValueError):
        model.weight[0, 0] = 1


def test_p_values_and_intervals(rng):
    stats = pytest.importorskip("scipy.stats")
    X = rng.normal(size=(40, 3))
    y = X @ [1.0, 0.3, 0.0] + 2 + rng.normal(size=40)
    for loss, target, at in (("squared", y, stats.t(36)), ("poisson", np.exp(y / 4).round(), stats.norm())):
        model = cusgd.fit(X, target, loss=loss, solver="newton", precision="double")
        value = np.append(model.weight[0], model.bias)
        statistic = value / model.standard_errors[0]
        np.testing.assert_allclose(model.p_values[0], 2 * at.sf(abs(statistic)), rtol=1e-9)
        for level in (0.5, 0.95, 0.999):
            half = at.isf((1 - level) / 2) * model.standard_errors[0]
            np.testing.assert_allclose(model.intervals(level)[0], np.column_stack([value - half, value + half]), rtol=1e-9)
        lines = model.summary().splitlines()
        assert len(lines) == 5 + (loss == "squared") and lines[4].startswith("intercept") and "95 % from" in lines[0]
    plain = cusgd.fit(X, y, epochs=2)
    assert plain.p_values is None and plain.intervals() is None and len(plain.summary().splitlines()) == 5
    with pytest.raises(cusgd.UsageError, match="between 0 and 1"):
        model.intervals(95)


def test_metrics_as_scikit_learn(rng):
    metrics = pytest.importorskip("sklearn.metrics")
    X = rng.normal(size=(300, 2))
    score = X @ [1.0, -0.5]
    weight = rng.choice([0.5, 1.0, 2.0], 300)
    label = (score + rng.logistic(size=300) > 0).astype(float)
    k = {"sample_weight": weight}
    found = cusgd.Model.from_arrays([[1.0, -0.5]], [0.0], loss="logistic").evaluate(X, label, **k)
    assert found.f1_macro == pytest.approx(metrics.f1_score(label, score > 0, average="macro", **k))
    assert found.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(label, score > 0, **k))
    assert found.auc == pytest.approx(metrics.roc_auc_score(label, score, **k))
    assert found.average_precision == pytest.approx(metrics.average_precision_score(label, score, **k))
    np.testing.assert_allclose(found.confusion, metrics.confusion_matrix(label, score > 0, **k))
    assert np.isnan(found.r2) and np.isnan(found.median_absolute_error) and "confusion" not in found.known()
    number = score + rng.normal(size=300)
    found = cusgd.Model.from_arrays([[1.0, -0.5]], [0.0]).evaluate(X, number, **k)
    assert found.median_absolute_error == pytest.approx(metrics.median_absolute_error(number, score, **k))
    assert found.d2_absolute_error == pytest.approx(metrics.d2_absolute_error_score(number, score, **k))
    assert found.max_error == pytest.approx(metrics.max_error(number, score))
    assert found.confusion is None and np.isnan(found.auc)


def test_errors_say_what_and_where(regression):
    X, y, _, _ = regression
    with pytest.raises(cusgd.UsageError, match="valid_fraction") as caught:
        cusgd.fit(X, y, valid_fraction=2.0)
    assert caught.value.option == "valid_fraction"
    X = X.copy()
    X[5, 2] = np.inf
    with pytest.raises(cusgd.DataError) as caught:
        cusgd.fit(X, y)
    assert (caught.value.row, caught.value.column) == (5, 2)
    with pytest.raises(cusgd.UsageError, match="nonsense"):
        cusgd.fit(X, y, nonsense=1)
    with pytest.raises(cusgd.UsageError, match="not a flag"):
        cusgd.fit(X, y, batch=True)


def test_a_run_that_diverges(rng):
    X = 1e3 * rng.normal(size=(200, 3))
    with pytest.raises(cusgd.DivergedError, match="rate") as caught:
        cusgd.fit(X, X.sum(axis=1), optimizer="sgd", rate=10.0, standardize=False)
    assert "--" not in str(caught.value)


def test_warnings_about_convergence(regression):
    X, y, _, _ = regression
    with pytest.warns(cusgd.ConvergenceWarning, match="limit of|iterations|not converged"):
        cusgd.fit(X, y, solver="gd", epochs=1, gradient_tolerance=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cusgd.fit(X, y, epochs=2)  # a limit that was asked for is no warning


def test_a_result_that_is_worse_than_a_constant_warns(regression):
    X, y, _, _ = regression
    with pytest.warns(cusgd.ConvergenceWarning, match="above the starting point's .* and the intercept-only model's") as found:
        model = cusgd.fit(X, y, rate=1e6, loss="huber")
    assert model.result.worse and not model.result.converged
    assert model.result.loss > model.result.null_loss
    assert found[0].filename == __file__
    with pytest.warns(cusgd.ConvergenceWarning, match="above the starting point's") as found:
        cusgd.Trainer(X, y, rate=1e6, loss="huber").fit()
    assert found[0].filename == __file__


def test_dependent_columns_are_no_failure(regression):
    X, y, _, _ = regression
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "rank" in cusgd.fit(np.column_stack([X, X[:, 0]]), y, solver="exact").result.note


def test_a_model_does_not_keep_the_data(regression):
    X, y = (values.copy() for values in regression[:2])
    model = cusgd.fit(X, y, epochs=1)
    kept = weakref.ref(X)
    del X
    gc.collect()
    assert kept() is None
    assert model.options["epochs"] == 1


def test_copies_own_what_they_free(regression):
    X, y, _, _ = regression
    trainer = cusgd.Trainer(X, y, l2=0.5)
    options = trainer.options
    for other in (copy.copy(options), copy.deepcopy(options)):
        assert dict(other) == dict(options) and other.handle.value != options.handle.value
    for function in (copy.copy, copy.deepcopy, pickle.dumps):
        for values in (trainer, trainer._data):
            with pytest.raises(TypeError, match="neither copied nor pickled"):
                function(values)
    with pytest.raises(TypeError, match="dict"):
        pickle.dumps(options)
    model = trainer.model()
    for other in (copy.copy(model), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rate": 1}, "no option learning_rate: it is called rate"),
        ({"class_weight": "balanced"}, "no option class_weight: pass each row's weight as sample_weight"),
        ({"loss": "log_loss"}, "no loss 'log_loss': it is called 'logistic'"),
        ({"no_average": True}, "set average=False"),
        ({"no-average": "true"}, "set average=False"),
    ],
)
def test_hints_at_other_names(given, message, regression):
    with pytest.raises(cusgd.UsageError, match=message):
        cusgd.fit(*regression[:2], **given)


def test_messages_spell_flags_as_keywords(regression):
    X, y, _, _ = regression
    trainer = cusgd.Trainer(X, y, intercept=False)
    with pytest.raises(cusgd.UsageError, match="leave out intercept=False"):
        trainer.set_coefficients(np.ones(4), [1.0])


def test_names_may_have_underscores(classes):
    X, y = classes
    found = [cusgd.fit(X, y, loss=loss, solver="lbfgs").weight for loss in ("squared_hinge", "squared-hinge")]
    np.testing.assert_array_equal(*found)


def test_options(regression):
    X, y, _, _ = regression
    table = cusgd.options()
    assert "huber" in table["loss"]["choices"]
    options = cusgd.Trainer(X, y, standardize=False, l2=0.5, average=True).options
    assert (options["standardize"], options["l2"], options["average"], options["intercept"]) == (False, 0.5, True, True)
    assert len(options) == len(table) == len(list(options))
    with pytest.raises(KeyError):
        options["nonsense"]
    assert cusgd.Trainer(X, y, penalty_factors=[0, 1, 1, 1], l2=1e6, solver="exact").fit().converged


@pytest.mark.parametrize("answer", [True, np.True_])
def test_callbacks_that_answer_true(answer, regression):
    assert cusgd.fit(*regression[:2], callback=lambda now: answer).result.epochs == 1
    assert cusgd.fit(*regression[:2], epochs=2, callback=lambda now: 1).result.epochs == 2


def test_predictions_of_a_trainer_take_offsets(regression, rng):
    X, y, _, _ = regression
    offset = rng.normal(size=len(y))
    trainer = cusgd.Trainer(X, y, offset=offset, solver="exact")
    trainer.fit()
    np.testing.assert_array_equal(trainer.predict(X, offset=offset), trainer.model().predict(X, offset=offset))


def test_bytes_of_models_in_any_container(regression):
    model = cusgd.fit(*regression[:2], epochs=1)
    for kind in (bytes, bytearray, memoryview):
        np.testing.assert_array_equal(cusgd.Model.from_bytes(kind(model.to_bytes())).weight, model.weight)


def test_a_cancelled_step_is_an_interrupted_call(regression):
    X, y, _, _ = regression
    trainer = cusgd.Trainer(X, y)
    timer = threading.Timer(0.3, trainer.cancel)
    timer.start()
    with pytest.raises(cusgd.InterruptedCall):
        trainer.step(10**12)


def test_checks_take_data_as_trainers_do(classes):
    X, y = classes
    names = np.where(y == 1, "yes", "no")
    found = cusgd.check(X, names, loss="logistic", device="cpu", steps=4)
    assert found.passed
    assert repr(found.lines) == repr(cusgd.check(X, y, loss="logistic", device="cpu", steps=4, precision="double").lines)


def test_arguments_of_generate():
    with pytest.raises(TypeError, match="int32"):
        cusgd.generate(10, 2, dtype=np.int32)
    with pytest.raises(ValueError, match="seed"):
        cusgd.generate(10, 2, seed=-1)


def test_tools():
    assert cusgd.devices()[0].usable
    X, y, truth = cusgd.generate(300, 3, outputs=2, noise=0.0, seed=3, dtype=np.float64)
    np.testing.assert_allclose(truth.predict(X), y, rtol=1e-9, atol=1e-9)
    assert cusgd.check(X, y[:, 0], device="cpu", steps=4).passed


def test_partial_fit_is_one_epoch_in_parts(regression):
    X, y, _, _ = regression
    options = {"optimizer": "adam", "rate": 0.1, "batch": 20, "sampling": "none", "standardize": False, "epochs": 1}
    whole = cusgd.Trainer(X, y, **options)
    whole.step(30)
    parts = cusgd.Trainer(X[:100], y[:100], **options)
    for i in range(0, 600, 100):
        now = parts.partial_fit(X[i : i + 100], y[i : i + 100])
    assert now.step == 30 and now.loss > 0
    for a, b in zip(whole.coefficients(), parts.coefficients(), strict=True):
        assert a.tobytes() == b.tobytes()
    parts.rebind(X, y)
    parts.step(3)
    with pytest.raises(cusgd.DataError):
        parts.partial_fit(X[:, :2], y)


def test_partial_fit_of_named_classes(classes):
    X, y = classes
    names = np.where(y > 0, "yes", "no")
    trainer = cusgd.Trainer(X[:200], names[:200], loss="logistic")
    for i in range(0, 500, 100):
        trainer.partial_fit(X[i : i + 100], names[i : i + 100])
    assert trainer.model().evaluate(X, names).accuracy > 0.7
    with pytest.raises(ValueError, match="no class of the model"):
        trainer.partial_fit(X, np.full(500, "maybe"))


@pytest.mark.parametrize("labels", [(1, 2), (-1, 1), (0, 1), (-0.5, 2.5)])
def test_two_numbers_are_classes(classes, labels):
    X, y = classes
    plain = cusgd.fit(X, y, loss="logistic", epochs=3)
    given = np.array(labels)[y.astype(int)]
    named = cusgd.fit(X, given, loss="logistic", epochs=3, valid=(X[:9], given[:9]))
    np.testing.assert_array_equal(cusgd.fit(X, given, loss="logistic", epochs=3).weight, plain.weight)
    predicted = named.predict(X, "class")
    assert predicted.dtype == given.dtype and set(predicted) == set(labels)
    assert named.evaluate(X, given).accuracy == np.mean(predicted == given)
    assert set(pickle.loads(pickle.dumps(named)).predict(X, "class")) == set(labels)


def test_solver_best_says_why():
    X = np.random.default_rng(0).normal(size=(100, 3))
    y = X @ [1.0, 2.0, 3.0]
    trainer = cusgd.Trainer(X, y, solver="best")
    assert trainer.options["solver"] == "exact" and trainer.solver_reason.startswith("estimated at")
    trainer = cusgd.Trainer(X, y, solver="best", batch=10)
    assert trainer.options["solver"] == "sgd" and "batch" in trainer.solver_reason
    assert cusgd.Trainer(X, y).solver_reason == ""
    SGDRegressor = pytest.importorskip("cusgd.linear_model").SGDRegressor
    best, exact = (SGDRegressor(penalty=None, solver=solver).fit(X, y) for solver in ("best", "exact"))
    np.testing.assert_array_equal(best.coef_, exact.coef_)


def test_standardization_of_other_data():
    random = np.random.default_rng(3)
    X = random.normal(size=(300, 3)) * [1.0, 10.0, 0.1] + [5.0, 0.0, -1.0]
    y = X @ [1.0, 0.1, 4.0] + random.normal(size=300)
    whole = cusgd.Trainer(X, y, l2=0.1, solver="exact")
    means, scales = whole.standardization()
    np.testing.assert_allclose(means, X.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(scales, X.std(axis=0), rtol=1e-12)
    part = cusgd.fit(X[:100], y[:100], l2=0.1, solver="exact", column_means=means, column_scales=scales)
    Z = (X[:100] - means) / scales
    expected = np.linalg.solve(Z.T @ (Z - Z.mean(axis=0)) + 10 * np.eye(3), (Z - Z.mean(axis=0)).T @ y[:100]) / scales
    np.testing.assert_allclose(part.weight[0], expected, rtol=1e-9)
    given = cusgd.Trainer(X[:100], y[:100], column_means=means, column_scales=scales)
    np.testing.assert_array_equal(given.standardization(), (means, scales))
    for wrong in ({"column_means": [1.0]}, {"column_scales": [1.0, 0.0, 1.0]}, {"column_means": means, "standardize": False}):
        with pytest.raises(cusgd.UsageError, match=r"column-means|column-scales|column_means|column_scales"):
            cusgd.Trainer(X, y, **wrong)
    with pytest.raises(cusgd.UsageError, match="whiten"):
        cusgd.Trainer(X, y, whiten="zca").standardization()


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("init", "set_coefficients"),
        ("history", "JsonLines"),
        ("ignore", "read_table"),
        ("categorical", "read_table"),
        ("weights", "sample_weight"),
        ("online", "partial_fit"),
        ("plot", "cusgd.plot"),
    ],
)
def test_options_of_the_command_say_what_there_is_here(name, advice):
    with pytest.raises(cusgd.UsageError, match=f"there is no option {name}: .*{advice}"):
        cusgd.fit(np.eye(3), np.arange(3.0), **{name: 1})


def test_prediction_of_too_few_columns(regression):
    X, y, _, _ = regression
    model = cusgd.fit(X, y, solver="exact")
    for call in (model.predict, lambda rows: model.evaluate(rows, y)):
        with pytest.raises(cusgd.DataError, match=r"^X has 3 columns, and the model was trained on 4$"):
            call(X[:, :3])


def test_own_loss() -> None:
    """A formula trains to what scipy finds, and its model predicts by its link."""
    random = np.random.default_rng(3)
    X = random.standard_normal((300, 3))
    y = random.poisson(np.exp(0.3 * X @ [1, -0.5, 0.2] + 0.5)).astype(float)
    options = {"loss_expr": "c*(exp(p) - y*p)", "constants": {"c": 2}, "link": "exp(p)"}
    model = cusgd.fit(X, y, **options, solver="newton", precision="double", gradient_tolerance=1e-12)

    def objective(theta: np.ndarray) -> float:
        p = X @ theta[:3] + theta[3]
        return float(2 * np.mean(np.exp(p) - y * p))

    best = scipy.optimize.minimize(objective, np.zeros(4), tol=1e-12)
    theta = np.append(np.ravel(model.weight), model.bias)
    np.testing.assert_allclose(theta, best.x, atol=1e-5)
    assert objective(theta) <= best.fun + 1e-12
    np.testing.assert_allclose(np.ravel(model.predict(X)), np.exp(X @ theta[:3] + theta[3]), rtol=1e-9)
    assert model.options["loss"] == "expression"
    assert model.options["loss_expr"] == options["loss_expr"]
    assert model.options["constant"] == "c=2"
    with pytest.raises(cusgd.UsageError, match="there is no name c here"):
        cusgd.fit(X, y, loss_expr="c*p^2")
    for wrong, words in (
        ({"loss": "huber"}, "one choice"),
        ({"constants": {"c=1,d": 2}}, "cannot be the name"),
        ({"constants": "c=2"}, "must be a mapping"),
    ):
        with pytest.raises(cusgd.UsageError, match=words):
            cusgd.fit(X, y, loss_expr="(p - y)^2", **wrong)


def test_an_optimum_within_bounds_that_exclude_zero_has_converged(rng):
    X = rng.normal(size=(2000, 3))
    model = cusgd.fit(X, -X.sum(axis=1), solver="lbfgs", lower=0.5)
    assert model.weight.ravel() == pytest.approx([0.5] * 3)
    assert model.result.worse and model.result.converged
    assert model.result.note.endswith("the bounds on the coefficients leave out better ones")


def test_steps_that_come_to_rest_at_the_intercept_only_model_have_converged():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = cusgd.fit(X, X[:, 0] * 0.2 + rng.normal(size=300), loss="epsilon-insensitive", l1=2, solver="sgd")
    assert (model.weight == 0).all() and not model.result.worse
