"""Networks in scikit-learn's manners: a classifier and a regressor around any module."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from eckart.base.estimator import Estimator
from eckart.base.seeds import RandomState, generator
from eckart.base.validation import check_bool, check_float, check_int, check_option
from eckart.nn import functional as F
from eckart.nn.loader import Loader
from eckart.nn.module import Module
from eckart.nn.tensor import Array, Tensor
from eckart.nn.trainer import Trainer, predict

Self = TypeVar("Self", bound="_NetEstimator")
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}
FLOATS = (np.float64, np.float32)
Factory = Callable[[Any, int, np.random.Generator], Module]


class _NetEstimator(Estimator):
    """What the classifier and the regressor share: parameters, data, training.

    module : a Module that gives the right number of outputs (it is copied, never trained itself), or a
        function of (n_in, n_out, generator) that makes one, n_in the number of features, or the shape of an
        example of more axes; None: an MLP with one hidden layer of 100, for features. What is frozen in it
        (`requires_grad_`) stays as it is
    epochs, batch_size : passes over the data, examples a step
    lr, weight_decay, optimizer : "sgd", "adam" or "adamw"
    augment : functions of (batch, generator), see `nn.augmentation`
    validation_fraction, patience : with patience, that share is held out, and training stops after so many
        epochs without a lower loss there, at the best weights
    plan : train without Python in the step, see :class:`Plan`; the MLP of module=None always is
    """

    def __init__(
        self, module: Module | Factory | None = None, *, epochs: int = 50, batch_size: int = 32,
        lr: float = 1e-3, weight_decay: float = 0.0, optimizer: str = "adam", augment: Any = (),
        validation_fraction: float = 0.1, patience: int | None = None, plan: bool = False,
        random_state: RandomState = None, verbose: bool = False,
    ) -> None:  # fmt: skip
        self.module = module
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.augment = augment
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.plan = plan
        self.random_state = random_state
        self.verbose = verbose

    def _train(self, X: Array, y: Array, n_out: int, loss: Callable[..., Tensor]) -> None:
        """Set `module_` and `history_`."""
        from eckart.nn import optim

        check_int(self.epochs, "epochs")
        check_option(self.optimizer, "optimizer", tuple(OPTIMIZERS))
        rng = generator(self.random_state)
        self.module_ = self._made(X.shape[1] if X.ndim == 2 else X.shape[1:], n_out, rng).to(X.dtype)
        found = predict(self.module_, X[:1]).shape
        if found != (1, n_out):
            raise ValueError(f"module: expected outputs (n, {n_out}), got shape {found} for one example")
        trained = [p for p in self.module_.parameters() if p.requires_grad]
        settings: dict[str, Any] = {"lr": check_float(self.lr, "lr", open_low=True)}
        if self.weight_decay:
            settings["weight_decay"] = check_float(self.weight_decay, "weight_decay")
        make = getattr(optim, OPTIMIZERS[self.optimizer])
        plan = check_bool(self.plan, "plan") or self.module is None
        trainer = Trainer(self.module_, make(trained, **settings), loss, plan=plan, verbose=self.verbose)
        validation = None
        if self.patience is not None:
            held = max(
                1, round(len(X) * check_float(self.validation_fraction, "validation_fraction", high=0.9))
            )
            order = rng.permutation(len(X))
            validation = Loader(X[order[:held]], y[order[:held]], 256, random_state=0)
            X, y = X[order[held:]], y[order[held:]]
        loader = Loader(X, y, self.batch_size, shuffle=True, augment=self.augment, random_state=rng)
        try:
            trainer.fit(loader, self.epochs, validation=validation, patience=self.patience)
        finally:
            self.history_ = trainer.history_
            for tensor in self.module_.parameters():  # of the optimiser, which is done
                tensor.grad = tensor.buffer = None

    def _made(self, n_in: Any, n_out: int, rng: np.random.Generator) -> Module:
        if isinstance(self.module, Module):
            return copy.deepcopy(self.module)
        if self.module is not None:
            made = self.module(n_in, n_out, rng) if callable(self.module) else self.module
            if not isinstance(made, Module):
                raise TypeError(
                    "module: expected a Module or a function of (n_in, n_out, generator) that makes one, got "
                    + (f"one that makes {made!r}" if callable(self.module) else repr(made))
                )
            return made
        if not isinstance(n_in, int):
            raise ValueError(f"module: expected one for examples of shape {n_in}, got None")
        from eckart.nn.models import MLP

        return MLP([n_in, 100, n_out], random_state=rng)

    def _checked(self, X: Any, y: Any = None, **options: Any) -> Any:
        """Return X, or X and y, as arrays; in predicting X alone, compared with what `fit` saw."""
        from sklearn.utils.validation import validate_data

        options = {"dtype": FLOATS, "allow_nd": True, "order": "C", "reset": y is not None} | options
        return validate_data(self, X, **options) if y is None else validate_data(self, X, y, **options)

    def _outputs(self, X: Any) -> Array:
        self._check_fitted()
        return predict(self.module_, self._checked(X)).astype(np.float64)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, RegressorTags

        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        if isinstance(self, NetClassifier):
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        else:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
            tags.target_tags.multi_output = True
        return tags


class NetClassifier(_NetEstimator):
    """A classifier around a module that gives one logit a class, trained on the cross-entropy.

    Learned: module_, classes_, history_.
    """

    __doc__ += (_NetEstimator.__doc__ or "").partition("\n\n")[2]

    def fit(self: Self, X: Any, y: Any) -> Self:
        """Train on X (n, features) or (n, ...) and labels y (n,) of any kind. ValueError for bad input."""
        from sklearn.utils.multiclass import check_classification_targets

        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None"
            )
        X, y = self._checked(X, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y: expected at least two classes, got one class: {self.classes_[0]!r}")
        self._train(X, labels, len(self.classes_), F.cross_entropy)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the classes' probabilities (n, n_classes), in the order of `classes_`."""
        logits = self._outputs(X)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Array:
        """Return the likeliest labels (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X: Any, y: Any) -> float:
        """Return the share of labels that are right."""
        return float((self.predict(X) == np.asarray(y)).mean())


class NetRegressor(_NetEstimator):
    """A regressor around a module, trained on squared errors of targets brought to mean 0 and variance 1.

    Learned: module_, history_, and the targets' target_mean_ and target_scale_.
    """

    __doc__ += (_NetEstimator.__doc__ or "").partition("\n\n")[2]

    def fit(self: Self, X: Any, y: Any) -> Self:
        """Train on X (n, features) or (n, ...) and targets y (n,) or (n, n_outputs)."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None"
            )
        X, y = self._checked(X, y, multi_output=True, y_numeric=True)
        self._flat = y.ndim == 1
        y = np.asarray(y, X.dtype).reshape(len(X), -1)
        self.target_mean_, scale = y.mean(axis=0), y.std(axis=0)
        self.target_scale_ = np.where(scale > 0, scale, 1)
        self._train(X, (y - self.target_mean_) / self.target_scale_, y.shape[1], F.mse_loss)
        return self

    def predict(self, X: Any) -> Array:
        """Return the predicted targets, (n,) or (n, n_outputs) as those of `fit` were."""
        outputs = self._outputs(X) * self.target_scale_ + self.target_mean_
        return outputs[:, 0] if self._flat else outputs

    def score(self, X: Any, y: Any) -> float:
        """Return R² (scikit-learn's)."""
        from sklearn.metrics import r2_score

        return float(r2_score(y, self.predict(X)))
