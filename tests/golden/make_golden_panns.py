"""Computes golden_panns.npz by the real panns_inference 0.1.1 on seeded weights.

usage: make_golden_panns.py OUT.npz   (where torch, torchlibrosa 0.1.0, panns-inference 0.1.1 are)
       make_golden_panns.py --checkpoint FILE.pth       the seeded weights in torch's older format
       make_golden_panns.py --checkpoint-zip FILE.pth   in its newer one
"""

import importlib.util
import sys
import types

import encoder_signals
import numpy as np
import panns_recipe as recipe
import torch

WITH_LOG_MELS = ("noise", "speech", "click", "shortest")  # of the others, the embeddings alone


def load_model():
    """The real Cnn14; importing panns_inference itself would try to download the labels."""
    package = types.ModuleType("panns_inference")
    package.__path__ = list(importlib.util.find_spec("panns_inference").submodule_search_locations)
    sys.modules["panns_inference"] = package
    from panns_inference.models import Cnn14

    model = Cnn14(
        recipe.SAMPLE_RATE, recipe.N_FFT, recipe.HOP, recipe.MELS, recipe.FMIN, recipe.FMAX, recipe.CLASSES
    ).eval()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in recipe.seeded_state()})
    return model


def main(out):
    model = load_model()
    arrays, seen = {}, {}
    model.logmel_extractor.register_forward_hook(lambda m, i, o: seen.update(logmel=o[0, 0].numpy()))
    for name, audio in encoder_signals.panns_signals():
        with torch.no_grad():
            output = model(torch.from_numpy(audio.astype(np.float32) / 32768)[None])
        arrays[f"{name}_embedding"] = output["embedding"][0].numpy()
        arrays[f"{name}_classes"] = output["clipwise_output"][0].numpy()
        if name in WITH_LOG_MELS:
            arrays[f"{name}_logmel"] = seen["logmel"]
    np.savez_compressed(out, **arrays)


def checkpoint(path, legacy):
    # Each storage's place is written as 'cuda:0', as by the authors' GPU.
    torch.serialization.register_package(5, lambda storage: "cuda:" + str(0), lambda storage, place: None)
    torch.save({"model": load_model().state_dict()}, path, _use_new_zipfile_serialization=not legacy)


if __name__ == "__main__":
    if sys.argv[1].startswith("--checkpoint"):
        checkpoint(sys.argv[2], legacy=sys.argv[1] == "--checkpoint")
    else:
        main(sys.argv[1])
