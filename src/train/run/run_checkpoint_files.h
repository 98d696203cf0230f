// What the writer and the reader of run checkpoints share; internal to the room.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace qnext::train {

inline constexpr const char* kStateFile = "training_state.safetensors";
inline constexpr const char* kStandingFile = "training_state.json";  // written last, lists the others
inline constexpr const char* kMasterPrefix = "master.";
inline constexpr const char* kMomentPrefix = "optimizer.";
inline constexpr const char* kUnfinished = ".part";
inline constexpr int kStandingFormat = 1;

// {"bytes": ..., "checksum": ...} of a file.
Result<Json> file_mark(const std::string& path);

}  // namespace qnext::train
