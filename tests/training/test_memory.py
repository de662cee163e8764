"""Memory that is kept changes nothing but how often the system is asked for it."""

import resource
import sys

import pytest
import torch

from deblurlib.models import create_model
from deblurlib.training.memory import freed_memory_kept

CPU = torch.device("cpu")


def page_faults_of_sums() -> int:
    """How many pages the system had to find for sums that are freed again, 80 MB each."""
    x = torch.zeros(2 * 10**7)
    x + 1
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        x + 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_within_it_freed_memory_is_used_again_and_afterwards_given_back() -> None:
    outside = page_faults_of_sums()
    with freed_memory_kept(CPU):
        inside = page_faults_of_sums()
    assert inside < 0.3 * outside  # a small block in the way costs one round
    assert page_faults_of_sums() > 0.6 * outside


def test_results_stay_the_same() -> None:
    torch.manual_seed(0)
    network = create_model("sung_small").eval()
    image = torch.rand(1, 3, 40, 56)
    with torch.inference_mode():
        expected = network(image).image
        with freed_memory_kept(CPU):
            assert torch.equal(network(image).image, expected)


def test_it_ends_with_what_it_holds() -> None:
    with pytest.raises(KeyError), freed_memory_kept(CPU):
        raise KeyError
    with freed_memory_kept(torch.device("meta")):  # nothing to keep
        pass
