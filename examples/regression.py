"""Regression: the content of flavanoids in 178 Italian wines, from twelve other measurements.

The output is the identity, the loss half the sum of squares, and ŷ a vector of size n. The network
is compared with linear least squares on wines that neither has seen. The data are the UCI "Wine"
by S. Aeberhard and M. Forina, CC BY 4.0, and ship with the package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _example import equation, options, run, save_plot

import nn


def least_squares(X: Any, y: Any) -> Any:
    """The prediction of linear regression, as a function of X."""
    weights = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y)[0]
    return lambda X: np.column_stack([X, np.ones(len(X))]) @ weights


def explained(y_hat: Any, y: Any) -> float:
    """R²: the share of the variance of y that the prediction explains."""
    return float(1 - np.mean((y_hat - y) ** 2) / np.var(y))


def main() -> None:
    """Fit both models, print the errors, and draw predictions against the truth."""
    args = options(__doc__)
    rng = np.random.default_rng(1)
    X, X_test, y, y_test = nn.data.train_test_split(*nn.data.load_wine(), test=0.25, rng=rng)
    X, X_test = nn.data.standardize(X, X_test)
    print(f"{len(X)} wines to learn from, {len(X_test)} held out, 12 measurements each")

    equation("ŷ = A_L, of size n        L = ½ (ŷ − y)ᵀ(ŷ − y)        A_L⁽ᵍ⁾ = ŷ − y")
    model = nn.MLP([12, 16, 1], hidden="tanh", output="identity", init="xavier", rng=rng)
    report = nn.closed_form.compare(model, X, y)
    print(f"{report}\n")

    # the decay of weights is the gradient of an L2 penalty, 0.3/2 Σw², and the loss stays the error
    descent = nn.SGD(0.002, weight_decay=0.3, groups={"b*": {"weight_decay": 0.0}})
    history = nn.fit(
        model, X, y, loss="squared_error", optimizer=descent, batch_size=16,
        epochs=10 if args.quick else 80, validation=(X_test, y_test), rng=rng,
    )  # fmt: skip
    linear = least_squares(X, y)
    print(f"{'':22}{'R², training':>14}{'R², held out':>14}")
    predictions = {"linear least squares": linear, "network 12-16-1": model.predict}
    for name, predict in predictions.items():
        seen, unseen = explained(predict(X), y), explained(predict(X_test), y_test)
        print(f"{name:22}{seen:14.3f}{unseen:14.3f}")

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        colors = nn.plot.COLORS
        for i, (name, predict) in enumerate(predictions.items()):
            left.scatter(y_test, predict(X_test), s=18, color=colors[i], marker="so"[i], label=name)
        left.axline((y.min(), y.min()), slope=1, color="gray", linewidth=1)
        left.set(xlabel="flavanoids, measured", ylabel="predicted", title="Wines held out")
        left.legend()
        history.plot(right)

    save_plot(args.out / "regression.png", draw, (10, 4.5))


if __name__ == "__main__":
    run(main)
