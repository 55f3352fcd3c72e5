"""What a model is for that no run published: its configuration says it."""

from pathlib import Path
from typing import Any

from transformers import AutoImageProcessor

from hf_ssl.data.vocabulary import fast_tokenizer, fit_for_language
from hf_ssl.errors import UserError
from hf_ssl.modalities.images import image_processor
from hf_ssl.models.configuration import making
from hf_ssl.models.static import StaticConfig
from hf_ssl.models.text import positions_of
from hf_ssl.pretext.base import Prepared, PretextTask
from hf_ssl.pretext.causal_language import CausalLanguage
from hf_ssl.pretext.contrastive import Contrastive
from hf_ssl.pretext.contrastive_text import ContrastiveText
from hf_ssl.pretext.masked_image import MaskedImage
from hf_ssl.pretext.masked_language import MaskedLanguage

LONGEST = 128  # tokens of a text that are looked at


def understand(encoder: Any, folder: Path, name: str) -> tuple[PretextTask, Prepared]:
    """The task that such a model is trained with, and its processor; nothing is known of its first training rows.

    A text model without a head for language, like an image model without one for patches, counts as contrastive.

    Args:
        encoder: the model without its head.
        folder: of its files.
        name: by which the user knows it.

    Raises:
        UserError: if the model is neither of text nor of images, or has no processor that serves.
    """
    config = encoder.config
    alone = not config.is_encoder_decoder and not hasattr(config, "vision_config")
    if alone and encoder.main_input_name == "input_ids":
        return _text(config, folder, name)
    square = all(isinstance(getattr(config, side, None), int) for side in ("image_size", "patch_size"))
    if alone and encoder.main_input_name == "pixel_values" and square and config.num_channels == 3:
        return _images(config, folder, name)
    raise UserError(
        f"'{name}' ({config.model_type}) is neither an encoder of text nor a vision transformer of square colour images; "
        "name another model"
    )


def _text(config: Any, folder: Path, name: str) -> tuple[PretextTask, Prepared]:
    length = min(LONGEST, positions_of(config) or LONGEST)
    tokenizer = fast_tokenizer(str(folder), name)
    architecture = _architecture(config)
    if architecture.endswith("ForMaskedLM"):
        fit_for_language(tokenizer, name, causal=False)
        return MaskedLanguage(sequence_length=length), Prepared(tokenizer)
    if architecture.endswith(("ForCausalLM", "LMHeadModel")):
        fit_for_language(tokenizer, name, causal=True)
        return CausalLanguage(sequence_length=length), Prepared(tokenizer)
    if isinstance(config, StaticConfig):
        return ContrastiveText(text_encoder="static"), Prepared(tokenizer)
    return ContrastiveText(text_encoder="transformer", sequence_length=length), Prepared(tokenizer)


def _images(config: Any, folder: Path, name: str) -> tuple[PretextTask, Prepared]:
    with making("processor of images", name):
        own = AutoImageProcessor.from_pretrained(folder, trust_remote_code=False)
    mean, spread = (own.image_mean, own.image_std) if own.do_normalize else ([0.0] * 3, [1.0] * 3)
    prepared = Prepared(image_processor(config.image_size, list(mean), list(spread)))
    shape = {"image_size": config.image_size, "patch_size": config.patch_size}
    architecture = _architecture(config)
    if architecture == "ViTMAEForPreTraining":
        return MaskedImage(objective="mae", mask_ratio=config.mask_ratio, **shape), prepared
    if architecture.endswith("ForMaskedImageModeling"):
        return MaskedImage(objective="simmim", **shape), prepared
    return Contrastive(architecture="vit", **shape), prepared


def _architecture(config: Any) -> str:
    return str((config.architectures or [""])[0])
