// Functions to read the configuration of sources and targets. They throw std::runtime_error, whose message
// has the place and what to fix.
#pragma once

#include <rapidjson/pointer.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/payload.hpp>
#include <string>
#include <vector>

#include "config.hpp"

namespace data_sync {

/// The message is "configuration /sources/crm/url: " and `why`.
[[noreturn]] void refuse(const sluice::Json& json, const std::string& key, const std::string& why);
/// From seconds, above 0 and up to 3600.
milliseconds read_timeout(const sluice::Json& json, const std::string& key, milliseconds fallback);
/// From 1 to `most`.
std::size_t read_count(const sluice::Json& json, const std::string& key, std::size_t fallback,
                       std::int64_t most);
/// Refuses a file that can't be read. Accepts an empty path, which means no file.
void check_file(const sluice::Json& json, const std::string& key, const std::string& path);
/// `text` is the value of `key`.
rapidjson::Pointer read_pointer(const sluice::Json& json, const std::string& key, const std::string& text);
std::optional<rapidjson::Pointer> read_optional_pointer(const sluice::Json& json, const std::string& key);
/// Empty if `key` is absent.
std::vector<std::string> read_texts(const sluice::Json& json, const std::string& key);
/// The keys that both kinds of API have.
Endpoint read_endpoint(const sluice::Json& json);

ApiSource read_source(const sluice::Json& json);
TargetConfig read_target(const sluice::Json& json);

}  // namespace data_sync
