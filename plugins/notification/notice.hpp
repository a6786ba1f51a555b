// One notification, and its JSON: what NOTIFY carries, what a job of notification.webhook has as its
// payload, and the data of the webhook are the same object.
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

/// {"jobId", "userId", "type", "message", "title", "link", "data"}, the last three where they are there.
void put(Writer& writer, const Notice& notice);
std::string to_json(const Notice& notice);

/// The most of a notice that is no longer than `bytes`: all of it; jobId, userId and type; jobId; or {}.
std::string to_json(const Notice& notice, std::size_t bytes);

/// Throws sluice::PermanentError for what is absent or of another type, and for a NUL character anywhere,
/// which PostgreSQL can't hold.
Notice notice_of_send(sluice::Job& job);
Notice notice_of_webhook(sluice::Job& job);

}  // namespace notification
