"""Tensors and layers of PyTorch, in and out."""

import cusgd
import numpy as np
import pytest

torch = pytest.importorskip("torch")


@pytest.fixture
def tensors(rng):
    X = rng.normal(size=(200, 4))
    return torch.from_numpy(X), torch.from_numpy(X @ [1.0, 2.0, 3.0, 4.0] + 1)


def coefficients(X, y):
    model = cusgd.fit(X, y, epochs=3)
    return np.append(model.weight, model.bias).tobytes()


READ_IN_PLACE = {
    "plain": lambda X: X,
    "gradient": lambda X: X.clone().requires_grad_(),
    "of an operation": lambda X: X.clone().requires_grad_() * 1,
    "parameter": torch.nn.Parameter,
    "by columns": lambda X: X.T.contiguous().T,
    "negative bit": lambda X: torch._neg_view(-X),
    "real part of a conjugate": lambda X: torch.conj(X.to(torch.complex128)).real,
}


@pytest.mark.parametrize("kind", READ_IN_PLACE)
def test_same_bits(kind, tensors):
    X, y = tensors
    given = READ_IN_PLACE[kind](X), READ_IN_PLACE[kind](y[:, None])[:, 0] if kind == "by columns" else READ_IN_PLACE[kind](y)
    assert coefficients(*given) == coefficients(X.numpy(), y.numpy())
    linear_model = pytest.importorskip("cusgd.linear_model")
    ours = linear_model.SGDRegressor(max_iter=3, tol=None).fit(*given)
    theirs = linear_model.SGDRegressor(max_iter=3, tol=None).fit(X.numpy(), y.numpy())
    assert ours.coef_.tobytes() == theirs.coef_.tobytes()
    np.testing.assert_allclose(ours.predict(given[0]), theirs.predict(X.numpy()), rtol=1e-12)
    weight = torch.linspace(0, 1, len(y), dtype=torch.float64).requires_grad_()
    assert ours.score(*given, weight) == pytest.approx(theirs.score(X.numpy(), y.numpy(), weight.detach().numpy()), rel=1e-12)


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16", "float8_e4m3fn", "int32", "uint8", "bool"])
def test_types(name, tensors):
    X, y = tensors
    kind = getattr(torch, name)
    X, y = (10 * X.abs()).to(kind), y.to(torch.bfloat16)
    as_numpy = X.float().numpy() if name in ("float32", "bfloat16", "float8_e4m3fn") else X.double().numpy()
    assert coefficients(X, y) == coefficients(as_numpy, y.float().numpy())


@pytest.mark.parametrize("layout", ["to_sparse_coo", "to_sparse_csr", "to_sparse_csc"])
@pytest.mark.filterwarnings("ignore:Sparse")
def test_sparse_tensors(layout, tensors):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = tensors
    X = X * (X > 0)
    given = getattr(X, layout)()
    assert coefficients(given, y) == coefficients(sparse.csr_matrix(X.numpy()), y.numpy())
    model = cusgd.fit(X, y, epochs=3)
    np.testing.assert_array_equal(model.predict(given), model.predict(sparse.csr_matrix(X.numpy())))
    linear_model = pytest.importorskip("cusgd.linear_model")
    ours = linear_model.Ridge().fit(given, y)
    np.testing.assert_allclose(ours.predict(given), linear_model.Ridge().fit(X, y).predict(X), rtol=1e-6)
    with pytest.raises(TypeError, match="y is sparse"):
        cusgd.fit(X, y[:, None].to_sparse_coo())


def test_classes(tensors):
    X, y = tensors
    for classes in (y > 0, (y > 0).long(), (y > 0).to(torch.bfloat16)):
        assert cusgd.fit(X, classes, loss="logistic", l2=0.01).evaluate(X, classes).accuracy > 0.95
        linear_model = pytest.importorskip("cusgd.linear_model")
        assert linear_model.SGDClassifier(alpha=0.01).fit(X, classes).score(X, classes) > 0.95


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda X: X.to("meta"), "on the device meta, where tensors have no values"),
        (lambda X: torch.nested.nested_tensor([X[0], X[1]]), "X is a nested tensor"),
        (lambda X: X.to(torch.complex64), "X is complex"),
        (lambda X: X.reshape(10, 20, 4).to_sparse_coo(), "not a matrix"),
    ],
)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_is_refused(make, message, tensors):
    X, y = tensors
    with pytest.raises(TypeError, match=message):
        cusgd.fit(make(X), y)


@pytest.mark.parametrize("name", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("has_bias", [True, False])
def test_layers(name, has_bias, tensors):
    X, _ = tensors
    layer = torch.nn.Linear(4, 2, bias=has_bias, dtype=getattr(torch, name))
    model = cusgd.Model.from_torch(layer)
    np.testing.assert_allclose(model.predict(X), layer.double()(X).detach().numpy(), rtol=1e-12)
    again = model.to_torch(torch.float32)
    np.testing.assert_allclose(again(X.float()).detach().numpy(), model.predict(X), rtol=1e-5, atol=1e-5)
    assert model.to_torch().weight.dtype == torch.float64


def test_other_modules_are_refused():
    for module in (torch.nn.Sequential(torch.nn.Linear(4, 1)), torch.nn.Conv1d(4, 1, 1), torch.nn.ReLU()):
        with pytest.raises(TypeError, match=r"must be a torch\.nn\.Linear, not"):
            cusgd.Model.from_torch(module)


def test_several_classes_are_logits(tensors, tmp_path):
    X, y = tensors
    model = cusgd.fit(X, torch.bucketize(y, torch.tensor([-2.0, 2.0])), loss="logistic", l2=0.01, epochs=5)
    layer = model.to_torch()
    np.testing.assert_allclose(torch.softmax(layer(X), 1).detach().numpy(), model.predict(X, "probability"), rtol=1e-12)
    safetensors = pytest.importorskip("safetensors.torch")
    model.save(tmp_path / "model.safetensors")
    layer.load_state_dict(safetensors.load_file(tmp_path / "model.safetensors"))
    np.testing.assert_allclose(layer(X).detach().numpy(), model.predict(X, "link"), rtol=1e-12)
