"""Makes a CLAP of full size with seeded weights: an ONNX file of its audio side, and a description.

usage: make_clap.py FOLDER   (where torch, transformers 5 and onnx are; the description is audiosim's own)

The sizes are those of laion/clap-htsat-unfused, which are transformers' defaults. A second file has its
matrix products in 8 bits, as Xenova's quantised one.
"""

import sys
from pathlib import Path

import torch
from transformers import ClapAudioModelWithProjection, ClapConfig

SHIPPED = Path(__file__).parent.parent / "audiosim" / "encoders" / "described" / "shipped" / "clap.toml"
VARIANTS = ("float32", "int8")


class Tower(torch.nn.Module):
    """The audio side: a tensor in, a tensor out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_features):
        return self.model(input_features=input_features)["audio_embeds"]


def main(folder):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config = ClapConfig()
    config._attn_implementation = "eager"
    torch.onnx.export(
        Tower(ClapAudioModelWithProjection(config.audio_config).eval()),
        (torch.zeros(2, 1, 1001, 64),),
        folder / "float32.onnx",
        input_names=["input_features"],
        output_names=["audio_embeds"],
        dynamic_axes={"input_features": {0: "batch"}, "audio_embeds": {0: "batch"}},
        dynamo=False,
        opset_version=14,
    )
    quantize_dynamic(
        folder / "float32.onnx",
        folder / "int8.onnx",
        weight_type=QuantType.QUInt8,
        op_types_to_quantize=["MatMul"],
    )
    front_end = SHIPPED.read_text("utf-8").partition("[text]")[0]
    for name in VARIANTS:
        described = front_end.replace('name = "clap"', f'name = "clap-{name}"')
        (folder / f"{name}.toml").write_text(f'{described}[variants.{name}]\nfile = "{name}.onnx"\n', "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
