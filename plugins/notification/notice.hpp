// One notification and its JSON. NOTIFY, the payload of a notification.webhook job and the webhook's data
// have the same object.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstddef>
#include <optional>
#include <sluice/job.hpp>
#include <string>
#include <string_view>

namespace notification {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

struct Notice {
  std::string job_id;  // of the job of notification.send
  std::string user_id;
  std::string type;
  std::string message;
  std::optional<std::string> title;
  std::optional<std::string> link;
  std::optional<std::string> data;  // JSON text, each number with the digits that it came with
};

void put(Writer& writer, const char* key, std::string_view value);

/// {"jobId", "userId", "type", "message", "title", "link", "data"}, the last three only if they are set.
void put(Writer& writer, const Notice& notice);
std::string to_json(const Notice& notice);

/// The longest of these that has at most `bytes`: the whole notice; jobId, userId and type; jobId; or {}.
std::string to_json(const Notice& notice, std::size_t bytes);

/// Throws sluice::PermanentError if a field is absent or has the wrong type, or if there is a NUL character
/// anywhere, which PostgreSQL can't store.
Notice notice_of_send(sluice::Job& job);
Notice notice_of_webhook(sluice::Job& job);

}  // namespace notification
