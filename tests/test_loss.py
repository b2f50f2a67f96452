"""The marginal loss, against sums done by hand and against cross-entropy."""

import math
from itertools import pairwise, product
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from models import tiny_encoder
from transformers import AutoModelForTokenClassification

from bangfu.inference import decoding
from bangfu.inference import marginals as sums
from bangfu.inference.decoding import legal_transitions
from bangfu.labels import TAGS
from bangfu.training.alignment import ANY_TAG, tag_set, unmarked_tags
from bangfu.training.loss import marginal_loss, marginals, sequence_loss
from bangfu.training.regularisation import divergence, regularised, smoothed_loss
from bangfu.training.regularisation_config import RegularisationConfig


def logits_of(*rows: dict[str, float]):  # type: ignore[no-untyped-def]
    """Logits whose softmax is the given probabilities; tags not given share what is left."""
    probabilities = []
    for row in rows:
        rest = (1 - sum(row.values())) / (len(TAGS) - len(row))
        probabilities.append([row.get(tag, rest) for tag in TAGS])
    return torch.tensor(probabilities).log().unsqueeze(0).requires_grad_()


def test_by_hand() -> None:
    logits = logits_of({"B-ORG": 0.5}, {"O": 0.2, "B-AMOUNT": 0.1, "I-AMOUNT": 0.1, "B-AID": 0.1, "I-AID": 0.1})
    tags = torch.tensor([[tag_set(["B-ORG"]), unmarked_tags(["ORG", "LOC"])]])
    # 0.5 for the marked token; 0.2 + 4 × 0.1 for the unmarked one, which may be AMOUNT or AID
    loss = marginal_loss(logits, tags)
    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.6)) / 2, abs=1e-6)
    loss.backward()
    gradient = dict(zip(TAGS, logits.grad[0, 1].tolist(), strict=True))
    # an unmarked token is drawn away from ORG and LOC, and not away from AMOUNT towards O
    assert gradient["B-ORG"] > 0 and gradient["B-AMOUNT"] < 0 and gradient["O"] < 0
    assert gradient["O"] / gradient["B-AMOUNT"] == pytest.approx(2, rel=1e-4)


def test_one_possible_tag_is_cross_entropy() -> None:
    logits = torch.randn(3, 7, len(TAGS), generator=torch.manual_seed(1))
    numbers = torch.randint(len(TAGS), (3, 7), generator=torch.manual_seed(2))
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), numbers.flatten())
    assert float(marginal_loss(logits, 1 << numbers)) == pytest.approx(float(expected), abs=1e-6)


def test_padding_and_free_tokens_count_for_nothing() -> None:
    logits = torch.randn(1, 4, len(TAGS), generator=torch.manual_seed(3))
    one = marginal_loss(logits[:, :1], torch.tensor([[1]]))
    assert marginal_loss(logits, torch.tensor([[1, 0, ANY_TAG, 0]])) == one
    assert marginal_loss(logits, torch.tensor([[0, 0, ANY_TAG, 0]])) == 0


def test_smoothing_is_that_of_cross_entropy() -> None:
    logits = torch.randn(3, 7, len(TAGS), generator=torch.manual_seed(3))
    numbers = torch.randint(len(TAGS), (3, 7), generator=torch.manual_seed(4))
    tags = 1 << numbers
    tags[0, 4:] = 0  # padding
    numbers[0, 4:] = -100
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), numbers.flatten(), label_smoothing=0.2)
    assert float(smoothed_loss(logits, tags, 0.2)) == pytest.approx(float(expected), abs=1e-6)


def test_divergence_by_hand() -> None:
    first, second = (torch.tensor([[[p, 1 - p], [0.5, 0.5]]]).log() for p in (0.9, 0.6))
    tags = torch.tensor([[1, 0]])
    by_hand = [a * math.log(a / b) for a, b in ((0.9, 0.6), (0.1, 0.4), (0.6, 0.9), (0.4, 0.1))]
    assert float(divergence(first, second, tags)) == pytest.approx(sum(by_hand) / 2, abs=1e-6)


@pytest.mark.parametrize("name", ["r_drop", "adversarial"])
def test_regularisation_asks_for_more_than_the_plain_loss(name: str, tmp_path: Path) -> None:
    """Two passes differ by dropout, and a step against the embeddings makes the loss rise."""
    folder = tiny_encoder(tmp_path)
    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(TAGS))
    ids = torch.arange(5, 25).reshape(2, 10)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    tags = 1 << torch.randint(len(TAGS), (2, 10), generator=torch.manual_seed(5))
    model.train(name == "r_drop")  # without dropout, what the step against the embeddings does can be told
    losses = {}
    for weight in (0.1, 0.5, 5.0):
        torch.manual_seed(6)
        outputs, losses[weight] = regularised(model, dict(inputs), tags, RegularisationConfig(**{name: weight}))
        assert outputs.logits.shape == (2, 10, len(TAGS))
    losses[5.0].backward()
    assert losses[0.1] < losses[0.5] < losses[5.0]
    assert all(value.grad is not None for value in model.parameters())


def test_sequences_by_enumeration() -> None:
    """All legal sequences of three tokens, one of which has two tags to choose from and one any."""
    logits = torch.randn(2, 4, len(TAGS), generator=torch.manual_seed(7), requires_grad=True)
    sets = [{"B-ORG"}, {"I-ORG", "O"}, set(TAGS)]
    tags = torch.tensor([[tag_set(some) for some in sets] + [0], [tag_set(sets[0])] + [0] * 3])
    legal = legal_transitions()
    expected = 0.0
    for row, length in ((0, 3), (1, 1)):
        sums = {True: 0.0, False: 0.0}
        for path in product(range(len(TAGS)), repeat=length):
            # what stands before the first token is not known
            if all(legal[one, other] for one, other in pairwise(path)):
                weight = math.exp(sum(logits[row, place, tag].item() for place, tag in enumerate(path)))
                sums[all(TAGS[tag] in some for tag, some in zip(path, sets, strict=False))] += weight
        expected += math.log((sums[True] + sums[False]) / sums[True])
    loss = sequence_loss(logits, tags)
    # three of the four tokens are taught: one may have any tag
    assert loss.item() == pytest.approx(expected / 3, rel=1e-5)
    loss.backward()
    assert torch.isfinite(logits.grad).all() and not logits.grad[1, 1:].any()


def test_marginals_are_those_of_decoding() -> None:
    """Two ways to the same sums: by slopes of torch, and by numpy forward and backward."""
    logits = 3 * torch.randn(2, 9, len(TAGS), generator=torch.manual_seed(8))
    shares = marginals(logits, torch.tensor([[True] * 9, [True] * 5 + [False] * 4]))
    for row, length in ((0, 9), (1, 5)):
        # of a text's beginning, where no I can stand; in the middle of one anything may
        begun = torch.cat([torch.tensor([[9.0, *[-99.0] * (len(TAGS) - 1)]]), logits[row, :length]])
        mine = marginals(begun[None], torch.ones(1, length + 1, dtype=torch.bool))[0, 1:]
        path = decoding.best_path(logits[row, :length].numpy())
        told = sums.tags(logits[row, :length].numpy(), path)
        assert mine[torch.arange(length), torch.from_numpy(path)].tolist() == pytest.approx(told.tolist(), abs=1e-5)
    assert torch.allclose(shares[0].sum(-1), torch.ones(9)) and not shares[1, 5:].any()
