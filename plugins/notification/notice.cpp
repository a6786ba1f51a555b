#include "notice.hpp"

namespace notification {

void put(Writer& writer, const char* key, std::string_view value) {
  writer.Key(key);
  writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void put(Writer& writer, const Notice& notice, bool with_message) {
  writer.StartObject();
  put(writer, "jobId", notice.job_id);
  put(writer, "userId", notice.user_id);
  put(writer, "type", notice.type);
  if (with_message) put(writer, "message", notice.message);
  writer.EndObject();
}

std::string to_json(const Notice& notice, bool with_message) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  put(writer, notice, with_message);
  return {buffer.GetString(), buffer.GetSize()};
}

Notice notice_of_send(const sluice::Json& payload, std::string_view job_id) {
  return {std::string(job_id), payload.string("userId"), payload.string("type"), payload.string("message")};
}

Notice notice_of_webhook(const sluice::Json& payload) {
  return notice_of_send(payload, payload.string("jobId"));
}

}  // namespace notification
