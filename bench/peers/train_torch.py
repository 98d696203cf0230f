#!/usr/bin/python3
"""Speed of training steps of the same model as bench_train, written for PyTorch on the CPU: the baseline of
bench/train.cc. float32, autograd, torch.optim.AdamW; all sequences of a step have one length and are one batch.

  train_torch.py [--sequences N] [--length N] [--steps N] [--threads N] [--no-mtp] [--json] [CONFIG.json]
  train_torch.py --check tests/data/golden/tiny-train    # are losses, gradient norm and AdamW steps right?

Debian: apt-get install python3-torch libopenblas0-openmp (else matrix products are those of the reference BLAS).
"""
import argparse
import json
import math
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

CHUNK = 64  # of the delta rule
BALANCE, MTP = 0.001, 0.1  # factors of the load-balancing and the MTP loss
DEFAULTS = dict(  # those of bench/train.cc
    vocab_size=4096, hidden_size=256, num_hidden_layers=8, num_attention_heads=4, num_key_value_heads=2,
    head_dim=64, partial_rotary_factor=0.25, rope_theta=1e7, rms_norm_eps=1e-6, linear_num_key_heads=4,
    linear_num_value_heads=8, linear_key_head_dim=32, linear_value_head_dim=32, linear_conv_kernel_dim=4,
    num_experts=32, num_experts_per_tok=4, moe_intermediate_size=128, shared_expert_intermediate_size=128)


def read_config(path=None):
    given = dict(DEFAULTS)
    if path:
        with open(path, encoding="utf-8") as file:
            given = json.load(file)
        given.update(given.get("rope_parameters") or {})
    missing = [name for name in DEFAULTS if name not in given]
    unknown = given.get("rope_scaling") or given.get("mlp_only_layers") or given.get("decoder_sparse_step", 1) != 1
    if missing or unknown:
        sys.exit(f"{path}: missing {missing}; rope_scaling and layers without experts are not known here")
    c = argparse.Namespace(**{name: given[name] for name in DEFAULTS})
    c.norm_topk_prob, c.tied = given.get("norm_topk_prob", True), given.get("tie_word_embeddings", False)
    interval, full = given.get("full_attention_interval", 4), "full_attention"
    kinds = given.get("layer_types") or [(i + 1) % interval == 0 and full for i in range(c.num_hidden_layers)]
    c.full_attention = [kind == full for kind in kinds]
    return c


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


class Norm(nn.Module):
    def __init__(self, size, eps, centre=1.0):  # the factor is centre + weight
        super().__init__()
        self.weight, self.eps, self.centre = nn.Parameter(torch.full((size,), 1 - centre)), eps, centre

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * (self.centre + self.weight)


def delta_rule(q, k, v, beta, g):
    """Gated delta rule in chunks. q, k [B, H, T, dk], v [B, H, T, dv], beta, g [B, H, T]; returns [B, H, T, dv]."""
    length, pad = q.shape[2], -q.shape[2] % CHUNK
    if pad:  # k = beta = g = 0 leave the state as it is
        q, k, v = (F.pad(x, (0, 0, 0, pad)) for x in (q, k, v))
        beta, g = (F.pad(x, (0, pad)) for x in (beta, g))
    q, k, v, beta, g = (x.unflatten(2, (-1, CHUNK)) for x in (q, k, v, beta, g))
    g, upper = g.cumsum(-1), torch.ones(CHUNK, CHUNK, dtype=torch.bool).triu(1)
    decay = (g[..., :, None] - g[..., None, :]).masked_fill(upper, -math.inf).exp()
    beta, scale = beta[..., None], g.exp()[..., None]
    k_beta, k_back = k * beta, k.transpose(-1, -2)
    # (1 + L) U = beta V - beta e^G K S: both right sides at once. The diagonal of L is not read.
    both = torch.linalg.solve_triangular((k_beta @ k_back) * decay, torch.cat([v * beta, k_beta * scale], -1),
                                         upper=False, unitriangular=True)
    u, w = both.split([v.shape[-1], k.shape[-1]], -1)
    within, q = (q @ k_back) * decay, q * scale
    k_last, keep = (k * (g[..., -1:] - g).exp()[..., None]).transpose(-1, -2), g[..., -1:, None].exp()
    state, out = q.new_zeros(*q.shape[:2], q.shape[-1], v.shape[-1]), []
    for i in range(q.shape[2]):
        new = u[:, :, i] - w[:, :, i] @ state
        out.append(within[:, :, i] @ new + q[:, :, i] @ state)
        state = state * keep[:, :, i] + k_last[:, :, i] @ new
    return torch.cat(out, 2)[:, :, :length]


class DeltaNet(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.group = c.linear_num_key_heads, c.linear_num_value_heads // c.linear_num_key_heads
        self.dk, self.dv = c.linear_key_head_dim, c.linear_value_head_dim
        keys, values = self.heads * self.dk, c.linear_num_value_heads * self.dv
        self.sizes = [keys, keys, values]
        self.in_proj_qkvz, self.out_proj = linear(c.hidden_size, 2 * keys + 2 * values), linear(values, c.hidden_size)
        self.in_proj_ba = linear(c.hidden_size, 2 * c.linear_num_value_heads)
        channels, kernel = 2 * keys + values, c.linear_conv_kernel_dim
        self.conv1d = nn.Conv1d(channels, channels, kernel, groups=channels, padding=kernel - 1, bias=False)
        self.A_log = nn.Parameter(torch.empty(c.linear_num_value_heads))
        self.dt_bias = nn.Parameter(torch.ones(c.linear_num_value_heads))
        self.norm = Norm(self.dv, c.rms_norm_eps, centre=0.0)

    def forward(self, x):
        length, wide = x.shape[1], self.group * self.dv
        parts = self.in_proj_qkvz(x).unflatten(-1, (self.heads, -1)).split([self.dk, self.dk, wide, wide], -1)
        b, a = (y.flatten(2) for y in self.in_proj_ba(x).unflatten(-1, (self.heads, -1)).chunk(2, -1))
        mixed = torch.cat([y.flatten(2) for y in parts[:3]], -1).transpose(1, 2)
        mixed = F.silu(self.conv1d(mixed)[..., :length])  # [B, channels, T]
        q, k, v = (y.unflatten(1, (-1, d)).transpose(2, 3)
                   for y, d in zip(mixed.split(self.sizes, 1), (self.dk, self.dk, self.dv)))
        q, k = (y * torch.rsqrt(y.pow(2).sum(-1, keepdim=True) + 1e-6) for y in (q, k))
        q, k = (y.repeat_interleave(self.group, 1) for y in (q * self.dk**-0.5, k))
        g = -self.A_log.exp() * F.softplus(a + self.dt_bias)
        out = delta_rule(q, k, v, b.sigmoid().transpose(1, 2), g.transpose(1, 2)).transpose(1, 2)
        z = parts[3].unflatten(-1, (-1, self.dv)).flatten(2, 3)
        return self.out_proj((self.norm(out) * F.silu(z)).flatten(2))


def rotate(x, half, theta):
    """Rotary embedding of the first 2 * half elements of x [B, H, T, d]."""
    angles = torch.arange(x.shape[2])[:, None] * theta**(-torch.arange(half) / half)
    cos, sin = angles.cos(), angles.sin()
    first, second, rest = x.split([half, half, x.shape[-1] - 2 * half], -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], -1)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads, self.d = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        hidden, keys = c.hidden_size, self.kv_heads * self.d
        self.rotary = int(self.d * c.partial_rotary_factor) // 2, c.rope_theta
        self.q_proj, self.o_proj = linear(hidden, 2 * self.heads * self.d), linear(self.heads * self.d, hidden)
        self.k_proj, self.v_proj = linear(hidden, keys), linear(hidden, keys)
        self.q_norm, self.k_norm = Norm(self.d, c.rms_norm_eps), Norm(self.d, c.rms_norm_eps)

    def forward(self, x):
        q, gate = self.q_proj(x).unflatten(-1, (self.heads, -1)).chunk(2, -1)
        k, v = (y.unflatten(-1, (self.kv_heads, -1)) for y in (self.k_proj(x), self.v_proj(x)))
        q, k, v = (y.transpose(1, 2) for y in (self.q_norm(q), self.k_norm(k), v))
        q, k = (rotate(y, *self.rotary) for y in (q, k))
        k, v = (y.repeat_interleave(self.heads // self.kv_heads, 1) for y in (k, v))
        if hasattr(F, "scaled_dot_product_attention"):
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            later = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
            scores = (q * self.d**-0.5) @ k.transpose(-1, -2)
            out = scores.masked_fill(later, -math.inf).softmax(-1) @ v
        return self.o_proj((out.transpose(1, 2) * gate.sigmoid()).flatten(2))


class Mlp(nn.Module):
    def __init__(self, hidden, width):
        super().__init__()
        self.gate_proj, self.up_proj = linear(hidden, width), linear(hidden, width)
        self.down_proj = linear(width, hidden)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Moe(nn.Module):
    def __init__(self, c):
        super().__init__()
        e, hidden, width = c.num_experts, c.hidden_size, c.moe_intermediate_size
        self.top, self.normalised = c.num_experts_per_tok, c.norm_topk_prob
        self.gate, self.shared_expert_gate = linear(hidden, e), linear(hidden, 1)
        self.experts = nn.Module()
        self.experts.gate_up_proj = nn.Parameter(torch.empty(e, 2 * width, hidden))  # gate rows, then up rows
        self.experts.down_proj = nn.Parameter(torch.empty(e, hidden, width))
        self.shared_expert = Mlp(hidden, c.shared_expert_intermediate_size)

    def forward(self, x):
        """Also the tokens of each expert, the sum of the router's probabilities and the rows, for the balance loss."""
        rows = x.flatten(0, 1)
        p = self.gate(rows).softmax(-1)
        weights, chosen = p.topk(self.top, -1)
        if self.normalised:
            weights = weights / weights.sum(-1, keepdim=True)
        order = chosen.flatten().argsort()  # sorted by expert: each has one run of rows
        tokens = torch.div(order, self.top, rounding_mode="floor")
        counts = chosen.flatten().bincount(minlength=p.shape[1])
        runs, parts = rows.index_select(0, tokens).split(counts.tolist()), []
        for run, gate_up, down in zip(runs, self.experts.gate_up_proj.unbind(), self.experts.down_proj.unbind()):
            gate, up = F.linear(run, gate_up).chunk(2, -1)
            parts.append(F.linear(F.silu(gate) * up, down))
        scaled = torch.cat(parts) * weights.flatten().index_select(0, order)[:, None]
        out = self.shared_expert_gate(rows).sigmoid() * self.shared_expert(rows)
        return out.index_add(0, tokens, scaled).view_as(x), (counts, p.sum(0), len(rows))


class Layer(nn.Module):
    def __init__(self, c, full_attention):
        super().__init__()
        self.input_layernorm = Norm(c.hidden_size, c.rms_norm_eps)
        self.post_attention_layernorm = Norm(c.hidden_size, c.rms_norm_eps)
        self.mixer = "self_attn" if full_attention else "linear_attn"
        setattr(self, self.mixer, Attention(c) if full_attention else DeltaNet(c))
        self.mlp = Moe(c)

    def forward(self, x):
        x = x + getattr(self, self.mixer)(self.input_layernorm(x))
        y, routing = self.mlp(self.post_attention_layernorm(x))
        return x + y, routing


class Network(nn.Module):
    def __init__(self, c, mtp):
        super().__init__()
        self.c = c
        norm = lambda: Norm(c.hidden_size, c.rms_norm_eps)
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        self.model.layers = nn.ModuleList(Layer(c, full) for full in c.full_attention)
        self.model.norm = norm()
        self.lm_head = linear(c.hidden_size, c.vocab_size)
        if c.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        self.mtp = nn.Module() if mtp else None
        if mtp:
            self.mtp.fc = linear(2 * c.hidden_size, c.hidden_size)
            self.mtp.pre_fc_norm_embedding, self.mtp.pre_fc_norm_hidden, self.mtp.norm = norm(), norm(), norm()
            self.mtp.layers = nn.ModuleList([Layer(c, True)])

    def forward(self, ids):
        """ids [B, T]; returns cross-entropy, balance loss and MTP loss."""
        loss = lambda rows, targets: F.cross_entropy(self.lm_head(rows).flatten(0, 1), targets.flatten())
        x = embedded = self.model.embed_tokens(ids)
        routing = []
        for layer in self.model.layers:
            x, routed = layer(x)
            routing.append(routed)
        hidden = self.model.norm(x)
        counts, p, rows = (sum(part) for part in zip(*routing))
        balance = self.c.num_experts * (counts / rows * p / rows).sum()
        cross_entropy, m = loss(hidden[:, :-1], ids[:, 1:]), self.mtp
        if m is None:
            return cross_entropy, balance, torch.zeros(())
        pair = [m.pre_fc_norm_embedding(embedded[:, 1:-1]), m.pre_fc_norm_hidden(hidden[:, :-2])]
        x, _ = m.layers[0](m.fc(torch.cat(pair, -1)))
        return cross_entropy, balance, loss(m.norm(x), ids[:, 2:])


def optimiser(network, kept=("A_log", "dt_bias", "linear_attn.norm.weight")):
    """AdamW with decay of all tensors but those whose name ends as `kept` says."""
    decayed, others = [], []
    for name, parameter in network.named_parameters():
        (others if name.endswith(kept) else decayed).append(parameter)
    return torch.optim.AdamW(
        [dict(params=decayed, weight_decay=0.1), dict(params=others, weight_decay=0.0)],
        lr=1e-3, betas=(0.9, 0.95), eps=1e-8, foreach=True)


def measure(arguments):
    torch.manual_seed(1)
    network = Network(read_config(arguments.config), arguments.mtp)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("A_log"):
                parameter.uniform_(1e-4, 16).log_()
            elif parameter.dim() > 1:
                parameter.normal_(0, 0.02)
    adamw = optimiser(network)
    ids, times = torch.randint(network.c.vocab_size, (arguments.sequences, arguments.length)), []
    for step in range(arguments.steps + 1):  # the first warms up
        start = time.perf_counter()
        adamw.zero_grad(set_to_none=True)
        cross_entropy, balance, mtp = network(ids)
        (cross_entropy + BALANCE * balance + MTP * mtp).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adamw.step()
        times.append(time.perf_counter() - start)
        losses = [loss.item() for loss in (cross_entropy, balance, mtp)]
        if not arguments.json:
            print("step {}: {:.3f} s, losses {:.4f} {:.4f} {:.4f}".format(step, times[-1], *losses), flush=True)
    result = dict(
        torch=torch.__version__, threads=torch.get_num_threads(),
        parameters=sum(p.numel() for p in network.parameters()), sequences=arguments.sequences,
        length=arguments.length, steps=arguments.steps,
        tokens_per_second=ids.numel() / statistics.median(times[1:]), cross_entropy=losses[0], balance=losses[1],
        mtp=losses[2], peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(result) if arguments.json else ", ".join(f"{name} {value}" for name, value in result.items()))


def synthetic(name, shape):
    """The weights of the golden fixtures: see tools/golden.py."""
    mask, seed = 0xFFFFFFFF, 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & mask
    x = torch.arange(math.prod(shape)) * 0x9E3779B1 + seed & mask
    x = (x ^ x >> 16) * 0x7FEB352D & mask
    x = (x ^ x >> 15) * 0x846CA68B & mask
    u = ((x ^ x >> 16) >> 8).float().reshape(shape) * 2.0**-23 - 1
    kind = name.split(".")[-2] if name.endswith(".weight") else name.split(".")[-1]
    value = ((1 + 7.5 * (u + 1)).log() if kind == "A_log" else 2 * u - 2 if kind == "dt_bias"
             else 1 + 0.2 * u if name.endswith("linear_attn.norm.weight") else 0.2 * u if len(shape) == 1
             else 0.5 * u if kind == "conv1d" else u if kind == "embed_tokens"
             else u * ((1 + (kind in ("gate", "shared_expert_gate", "lm_head"))) * math.sqrt(3 / shape[-1])))
    return value.bfloat16().float()


def fill(network):
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if ".experts." in name:
                before, fused = name.rsplit(".", 1)
                kinds = ("gate_proj", "up_proj") if fused == "gate_up_proj" else (fused,)
                for e, expert in enumerate(parameter):
                    shape = (len(expert) // len(kinds), expert.shape[1])
                    expert.copy_(torch.cat([synthetic(f"{before}.{e}.{kind}.weight", shape) for kind in kinds]))
            else:
                parameter.copy_(synthetic(name, parameter.shape))


def check(folder):
    with open(f"{folder}/golden.json", encoding="utf-8") as file:
        golden = json.load(file)
    network = Network(read_config(f"{folder}/config.json"), False)
    fill(network)
    adamw = optimiser(network, kept=())
    right = True
    for step in range(3):  # later ones magnify rounding: see tests/train/grad/golden_test.cc
        adamw.zero_grad(set_to_none=True)
        losses = network(torch.tensor(golden["sequences"]))[:2]
        (losses[0] + golden["aux_coefficient"] * losses[1]).backward()
        norm = nn.utils.clip_grad_norm_(network.parameters(), math.inf)
        expected = [golden["adamw"][name][step] for name in ("cross_entropy", "aux_loss")]
        expected += [golden["grad_norm"]] * (step == 0)
        differences = [abs(found.item() / value - 1) for found, value in zip([*losses, norm], expected)]
        right = right and all(d <= 1e-4 for d in differences)
        print(f"step {step}: relative differences", *(f"{d:.1e}" for d in differences))
        adamw.step()
    sys.exit(0 if right else "the baseline is wrong")


def main():
    parser = argparse.ArgumentParser(description="Speed of training with PyTorch on the CPU")
    parser.add_argument("config", nargs="?", help="config.json as published; without it the model of bench_train")
    for name, default in (("sequences", 16), ("length", 256), ("steps", 3), ("threads", 2)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--no-mtp", dest="mtp", action="store_false")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", metavar="FOLDER")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    check(arguments.check) if arguments.check else measure(arguments)


if __name__ == "__main__":
    main()
