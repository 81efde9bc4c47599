"""A model for Coqui that nobody trained: two speakers, two languages, noise for a voice, in the library's own files."""

import json
from pathlib import Path
from typing import Any

SPEAKERS = ("asha", "bela")
LANGUAGES = ("en", "hi")
LETTERS = "abcdefghijklmnopqrstuvwxyz" + "".join(map(chr, range(0x0900, 0x0970)))


def make_vits(folder: Path, **settings: Any) -> Path:
    """The smallest VITS that speaks, in ``folder``. Takes ``coqui-tts``; the same weights each time."""
    import torch
    from TTS.tts.configs.shared_configs import BaseAudioConfig, CharactersConfig
    from TTS.tts.configs.vits_config import VitsArgs, VitsConfig
    from TTS.tts.models.vits import Vits

    folder.mkdir(parents=True)
    config = VitsConfig(
        audio=BaseAudioConfig(sample_rate=16_000, fft_size=256, win_length=256, hop_length=64),
        model_args=VitsArgs(
            hidden_channels=16,
            hidden_channels_ffn_text_encoder=16,
            num_layers_text_encoder=1,
            num_layers_posterior_encoder=1,
            num_layers_flow=1,
            out_channels=129,
            resblock_type_decoder="2",
            resblock_kernel_sizes_decoder=[3],
            resblock_dilation_sizes_decoder=[[1, 3]],
            upsample_rates_decoder=[8, 8],
            upsample_kernel_sizes_decoder=[16, 16],
            upsample_initial_channel_decoder=16,
            use_sdp=False,
            init_discriminator=False,
            use_speaker_embedding=True,
            speaker_embedding_channels=8,
            use_language_embedding=True,
            length_scale=4.0,
        ),
        text_cleaner="multilingual_cleaners",
        use_phonemes=False,
        characters=CharactersConfig(
            characters_class="TTS.tts.models.vits.VitsCharacters",
            pad="_",
            eos="",
            bos="",
            blank="<BLNK>",
            characters=LETTERS,
            punctuations="!,.? ",
            phonemes="",
        ),
        speakers=list(SPEAKERS),
        languages=list(LANGUAGES),
        **settings,
    )
    torch.manual_seed(0)
    model = Vits.init_from_config(config)
    (folder / "config.json").write_text(json.dumps(config.to_dict()), "utf-8")
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    return folder
