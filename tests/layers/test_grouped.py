"""GroupedConv2D against each group's convolution written out in NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Array = NDArray[np.float32]
STRIDE = 2
WIDTHS = pytest.mark.parametrize(
    ("cin", "filters", "groups"),
    [(6, 9, 3), (8, 8, 8), (5, 4, 1), (256, 8, 4)],
    ids=["uneven", "depthwise", "one group", "several convolutions"],
)


@pytest.fixture(params=["cpu:0", "gpu:0"], ids=["as on a CPU", "as on a GPU"])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the layer believes to run on; the tests' machines can compute both."""
    import keras

    name: str = request.param
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: [name])
    return name


def layer_of(cin: int, filters: int, groups: int) -> Any:
    from fkd_core.layers import GroupedConv2D

    layer = GroupedConv2D(filters, 3, STRIDE, groups=groups, bias_initializer="normal")
    layer.build((None, 7, 8, cin))
    return layer


def by_hand(x: Array, kernel: Array, groups: int, seen: Array) -> tuple[Array, Array, Array]:
    """Output without bias [B, oh, ow, filters], and the gradients of sum(output * seen) with
    respect to the input and to the kernel."""
    y, dx, dk = np.zeros_like(seen), np.zeros_like(x), np.zeros_like(kernel)
    _, oh, ow, filters = seen.shape
    cin, cout = kernel.shape[2], filters // groups
    for group in range(groups):
        i, o = slice(group * cin, (group + 1) * cin), slice(group * cout, (group + 1) * cout)
        for row, column in np.ndindex(3, 3):
            rows = slice(row, row + STRIDE * oh - 1, STRIDE)
            columns = slice(column, column + STRIDE * ow - 1, STRIDE)
            k = kernel[row, column, :, o]
            y[..., o] += x[:, rows, columns, i] @ k
            dx[:, rows, columns, i] += seen[..., o] @ k.T
            dk[row, column, :, o] = np.einsum(
                "bhwi,bhwo->io", x[:, rows, columns, i], seen[..., o]
            )
    return y, dx, dk


def gradients(layer: Any, x: Array, seen: Array, backend: str) -> tuple[Any, Any]:
    """Of sum(output * seen), with respect to the input and to the kernel."""
    if backend == "jax":
        import jax

        others = [variable.value for variable in layer.trainable_variables[1:]]

        def total(x: Any, kernel: Any) -> Any:
            return (layer.stateless_call([kernel, *others], [], x)[0] * seen).sum()

        dx, dk = jax.grad(total, argnums=(0, 1))(x, layer.kernel.value)
        return dx, dk
    import tensorflow as tf

    with tf.GradientTape() as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        total_seen = tf.reduce_sum(layer(inputs) * seen)
    dx, dk = tape.gradient(total_seen, [inputs, layer.kernel.value])
    return dx, dk


@WIDTHS
def test_outputs_and_gradients_are_those_of_the_groups(
    cin: int, filters: int, groups: int, device: str, backend: str
) -> None:
    layer = layer_of(cin, filters, groups)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 7, 8, cin)).astype(np.float32)
    seen = rng.normal(size=(2, 3, 3, filters)).astype(np.float32)
    kernel, bias = (np.asarray(variable) for variable in layer.trainable_variables)
    assert kernel.shape == (3, 3, cin // groups, filters)
    y, dx, dk = by_hand(x, kernel, groups, seen)
    np.testing.assert_allclose(np.asarray(layer(x)), y + bias, rtol=1e-4, atol=1e-4)
    found = gradients(layer, x, seen, backend)
    np.testing.assert_allclose(np.asarray(found[0]), dx, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(np.asarray(found[1]), dk, rtol=1e-4, atol=1e-4)


def test_padding_and_precision_are_those_of_keras(device: str) -> None:
    import keras

    from fkd_core.layers import GroupedConv2D

    options: dict[str, Any] = {"padding": "same", "groups": 2, "dtype": "mixed_bfloat16"}
    ours = GroupedConv2D(4, 3, 2, **options)
    theirs = keras.layers.Conv2D(4, 3, 2, **options)
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 6)).astype(np.float32)
    for layer in (ours, theirs):
        layer.build(x.shape)
    theirs.set_weights(ours.get_weights())
    y = ours(x)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    here, there = (np.asarray(keras.ops.cast(out, "float32")) for out in (y, theirs(x)))
    np.testing.assert_allclose(here, there, rtol=0.02, atol=0.02)


def test_the_kernel_is_written_into_blocks() -> None:
    from keras import ops

    from fkd_core.layers.grouped import block_diagonal

    kernel = ops.convert_to_tensor(np.arange(1, 9, dtype=np.float32).reshape(1, 1, 2, 4))
    assert np.asarray(block_diagonal(kernel, 2))[0, 0].tolist() == [
        [1, 2, 0, 0],
        [5, 6, 0, 0],
        [0, 0, 3, 4],
        [0, 0, 7, 8],
    ]


def test_groups_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="groups"):
        layer_of(6, 9, 4)
    with pytest.raises(ValueError, match="divisible"):
        layer_of(7, 9, 3)


def test_a_saved_layer_is_read_back_in_safe_mode(tmp_path: Path) -> None:
    import keras

    from fkd_core.layers import GroupedConv2D
    from fkd_core.models import load

    inputs = keras.Input((5, 5, 4))
    model = keras.Model(inputs, GroupedConv2D(4, 3, groups=2)(inputs))
    model.save(tmp_path / "model.keras")
    again = load(tmp_path / "model.keras")
    assert type(again.layers[-1]) is GroupedConv2D
    x = np.ones((1, 5, 5, 4), np.float32)
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(model(x)))
