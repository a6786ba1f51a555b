// One notification, and its JSON: what NOTIFY carries, what a job of notification.webhook has as its
// payload, and the data of the webhook are the same object.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <sluice/payload.hpp>
#include <string>
#include <string_view>

namespace notification {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

struct Notice {
  std::string job_id;  // of the job of notification.send
  std::string user_id;
  std::string type;
  std::string message;
};

void put(Writer& writer, const char* key, std::string_view value);

/// {"jobId", "userId", "type", "message"}
void put(Writer& writer, const Notice& notice, bool with_message = true);
std::string to_json(const Notice& notice, bool with_message = true);

/// Throws sluice::PermanentError for what is absent or no text.
Notice notice_of_send(const sluice::Json& payload, std::string_view job_id);
Notice notice_of_webhook(const sluice::Json& payload);

}  // namespace notification
