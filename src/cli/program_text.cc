// What the manual says once for all commands.
#include "cli/documentation.h"

namespace qnext {
namespace {

const char* const kModel =
    "MODEL is a folder as published on Hugging Face (config.json, *.safetensors, tokenizer.json and so on), "
    "a GGUF "
    "file of architecture qwen3next (the first one of a split file), or synth:CONFIG.json[?seed=N]: the "
    "model of "
    "that configuration with made-up weights, which are functions of their names and are stored nowhere. "
    "When MODEL "
    "is left out, the small model inside the program is used. Weights are mapped, not copied: a file larger "
    "than "
    "memory works, slowly.";

const char* const kSampling =
    "A token is chosen in this order: logit bias; repetition penalty over the last N tokens, the prompt "
    "included "
    "(a positive logit is divided by it, a negative one multiplied); frequency and presence penalty over the "
    "tokens generated so far; temperature; top-k; top-p; min-p. Of tokens with equal logits the one with the "
    "lowest "
    "id comes first. Temperature 0 takes the most probable token after the penalties. The same seed, model, "
    "request and machine give the same tokens, whatever the number of threads. Ids that the model has and "
    "the "
    "tokenizer has not are never chosen.";

const char* const kDefaults =
    "What is not given on the command line comes from the model: generation_config.json of a folder, the "
    "qnext.generation_config or general.sampling.* keys of a GGUF file. Where a model says nothing, run and "
    "chat "
    "sample with temperature 0.7, top-p 0.8 and top-k 20, which the publishers of Qwen3-Next recommend, and "
    "generate-ids takes the most probable token. An answer ends at the end-of-text tokens that the model "
    "names, at a "
    "--stop string, after -n tokens, or when the context is full.";

const char* const kInterrupts =
    "Ctrl-C during an answer ends the answer: run then prints its figures and exits with 130, chat asks for "
    "the "
    "next message. A second Ctrl-C ends the program at once. Files that were being written do not appear.";

}  // namespace

std::vector<ProgramText::Section> manual_sections() {
  return {
      {"MODELS", {kModel}},
      {"SAMPLING", {kSampling, kDefaults}},
      {"OUTPUT",
       {"Results go to standard output, everything else to standard error. --json prints one JSON object. "
        "Progress is shown when standard error is a terminal.",
        kInterrupts}},
      {"EXIT STATUS",
       {"0: done. 1: the input or the environment is at fault; one line on standard error says what, as in "
        "'qnext: error: model.gguf: cannot open: No such file or directory'. 2: wrong usage. 130: "
        "interrupted."}}};
}

}  // namespace qnext
