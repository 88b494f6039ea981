import pytest
import torch

from ganpipe.nets.conditional import ConditionalLatent, Projection


def test_the_label_embedding_is_appended_to_the_latent():
    noise = ConditionalLatent(4, 3)
    z, labels = torch.randn(2, 4), torch.tensor([2, 0])
    joined = noise(z, labels)
    assert joined.shape == (2, noise.width) == (2, 7)
    assert torch.equal(joined[:, :4], z)
    assert torch.equal(joined[:, 4:], noise.embedding.weight[labels])


def test_projection_adds_the_inner_product_of_features_and_label_embedding():
    projection = Projection(12, 3)
    logits, features = torch.randn(2), torch.randn(2, 3, 2, 2)
    labels = torch.tensor([1, 2])
    expected = [logits[n] + torch.dot(projection.embedding.weight[labels[n]], features[n].flatten()) for n in range(2)]
    torch.testing.assert_close(projection(logits, features, labels), torch.stack(expected))


def test_without_classes_labels_are_ignored():
    z, labels = torch.randn(2, 4), torch.tensor([1, 2])
    assert ConditionalLatent(4, 0).width == 4
    assert ConditionalLatent(4, 0)(z, labels) is z
    logits = torch.randn(2)
    assert Projection(4, 0)(logits, z, labels) is logits


def test_missing_labels_raise():
    with pytest.raises(ValueError, match="labels: missing"):
        ConditionalLatent(4, 3)(torch.randn(2, 4), None)
    with pytest.raises(ValueError, match="labels: missing"):
        Projection(4, 3)(torch.randn(2), torch.randn(2, 4), None)
