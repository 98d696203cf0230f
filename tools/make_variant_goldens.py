"""Golden outputs for unusual shapes of the architecture, from the Hugging Face reference implementation.

Weights are the synthetic ones of golden.py, so that only config.json and the outputs are stored (tests/data/golden/variant-*).
Needs PyTorch and transformers; writes one folder per variant under $OUT.
"""
import json, os, shutil, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import torch
import golden as G

VARIANTS = {
    # Tied embeddings, router weights not renormalised, one dense layer, three value heads per key head, dk != dv.
    "variant-tied": (dict(hidden_size=72, num_hidden_layers=4, tie_word_embeddings=True, norm_topk_prob=False, mlp_only_layers=[1],
        intermediate_size=100, linear_num_key_heads=2, linear_num_value_heads=6, linear_key_head_dim=12, linear_value_head_dim=20,
        linear_conv_kernel_dim=3, head_dim=24, partial_rotary_factor=0.5, num_attention_heads=6, num_key_value_heads=1,
        moe_intermediate_size=28, shared_expert_intermediate_size=20, num_experts=7, num_experts_per_tok=3, vocab_size=131), {"p70": 70, "p9": 9}, True),
    # YaRN, every other layer dense, attention in every third layer, top-1 routing, one value head per key head.
    "variant-yarn": (dict(hidden_size=48, num_hidden_layers=6, full_attention_interval=3, decoder_sparse_step=2, num_experts=5, num_experts_per_tok=1,
        intermediate_size=60, linear_num_key_heads=3, linear_num_value_heads=3, linear_key_head_dim=8, linear_value_head_dim=24, linear_conv_kernel_dim=2,
        head_dim=32, partial_rotary_factor=0.5, num_attention_heads=3, num_key_value_heads=3, max_position_embeddings=512, rope_theta=10000,
        rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=128), vocab_size=100), {"p300": 300}, False),
    # All experts chosen, whole head rotated, linear position scaling, four-fold value heads, wide kernel.
    "variant-wide": (dict(hidden_size=80, num_hidden_layers=2, layer_types=["full_attention", "linear_attention"], num_experts=4, num_experts_per_tok=4,
        linear_num_key_heads=1, linear_num_value_heads=4, linear_key_head_dim=33, linear_value_head_dim=17, linear_conv_kernel_dim=6,
        head_dim=16, partial_rotary_factor=1.0, num_attention_heads=4, num_key_value_heads=2, rope_theta=50000,
        rope_scaling=dict(rope_type="linear", factor=2.0), rms_norm_eps=1e-5, vocab_size=90), {"p129": 129}, True),
}

def names_shapes(c, mtp):
    """As golden.names_shapes, with explicit layer_types."""
    if "layer_types" not in c: return G.names_shapes(c, mtp)
    attention = G.names_shapes({**c, "full_attention_interval": 1}, mtp)
    linear = G.names_shapes({**c, "full_attention_interval": 10 ** 6}, mtp)
    out = dict(G.names_shapes({**c, "num_hidden_layers": 0}, mtp))
    for i, kind in enumerate(c["layer_types"]):
        src = attention if kind == "full_attention" else linear
        out.update({k: v for k, v in src.items() if k.startswith(f"model.layers.{i}.")})
    return out

for name, (changes, prompts, mtp) in VARIANTS.items():
    c = G.config(**changes)
    if not mtp: c["num_nextn_predict_layers"] = 0
    d = f"{G.OUT}/{name}"; os.makedirs(d, exist_ok=True)
    w = {k: G.synth(k, s) for k, s in names_shapes(c, mtp).items()}
    m = G.from_weights(c, w, G.FIX + "/" + name)
    G.goldens(m, c, w, d, prompts, greedy=24, mtp=mtp)
    json.dump(c, open(d + "/config.json", "w"), indent=1)
    print(name, m.config.layer_types, getattr(m.config, "rope_parameters", None), flush=True)
