#include "notice.hpp"

#include <sluice/payload.hpp>

#include "member_text.hpp"

namespace notification {

namespace {

/// An id can be a number or a text, and both mean the same: 42.0 is 42.
std::string id_of(const sluice::Json& id) {
  std::string text = id.as_text();
  const bool in_digits = !id.value().IsNumber() || text.find_first_of(".eE") == std::string::npos;
  return in_digits ? text : std::to_string(id.as_integer());
}

/// Drops a line end, which a form or a file can leave there.
std::string one_line(std::string text) {
  text.resize(text.find_last_not_of("\r\n") + 1);
  return text;
}

std::optional<std::string> line_of(const sluice::Json& payload, std::string_view key) {
  const auto text = payload.find(key);
  return text ? std::optional(one_line(text->as_text())) : std::nullopt;
}

std::optional<std::string> link_of(const sluice::Json& payload) {
  const auto link = payload.find("link");
  return link ? std::optional(one_line(link->as_string())) : std::nullopt;
}

void refuse_nul(const Notice& notice, bool nul_in_data) {
  const auto holds_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (!nul_in_data && !holds_nul(notice.user_id) && !holds_nul(notice.type) && !holds_nul(notice.message) &&
      !holds_nul(notice.title.value_or("")) && !holds_nul(notice.link.value_or(""))) {
    return;
  }
  throw sluice::PermanentError("nul-character",
                               "the payload has a NUL character, which PostgreSQL can't store");
}

Notice notice_of(sluice::Job& job, std::string job_id) {
  const sluice::Json payload = job.payload();
  Notice notice{std::move(job_id),
                one_line(id_of(payload.at("userId"))),
                one_line(id_of(payload.at("type"))),
                payload.at("message").as_text(),
                line_of(payload, "title"),
                link_of(payload),
                std::nullopt};
  bool nul_in_data = false;
  if (payload.find("data")) {
    MemberText data = member_text(job.payload_text(), "data");
    nul_in_data = data.holds_nul;
    notice.data = std::move(data.json);
  }
  refuse_nul(notice, nul_in_data);
  return notice;
}

/// `write` writes the members of an object.
template <class Write>
std::string object(Write write) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  write(writer);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

void put_members(Writer& writer, const Notice& notice) {
  put(writer, "jobId", notice.job_id);
  put(writer, "userId", notice.user_id);
  put(writer, "type", notice.type);
  put(writer, "message", notice.message);
  if (notice.title) put(writer, "title", *notice.title);
  if (notice.link) put(writer, "link", *notice.link);
  if (notice.data) {
    writer.Key("data");
    writer.RawValue(notice.data->data(), notice.data->size(), rapidjson::kObjectType);
  }
}

}  // namespace

void put(Writer& writer, const char* key, std::string_view value) {
  writer.Key(key);
  writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void put(Writer& writer, const Notice& notice) {
  writer.StartObject();
  put_members(writer, notice);
  writer.EndObject();
}

std::string to_json(const Notice& notice) {
  return object([&](Writer& writer) { put_members(writer, notice); });
}

std::string to_json(const Notice& notice, std::size_t bytes) {
  std::string whole = to_json(notice);
  if (whole.size() <= bytes) return whole;
  std::string for_whom = object([&](Writer& writer) {
    put(writer, "jobId", notice.job_id);
    put(writer, "userId", notice.user_id);
    put(writer, "type", notice.type);
  });
  if (for_whom.size() <= bytes) return for_whom;
  std::string id = object([&](Writer& writer) { put(writer, "jobId", notice.job_id); });
  return id.size() <= bytes ? id : "{}";
}

Notice notice_of_send(sluice::Job& job) {
  return notice_of(job, std::string(job.id()));
}

Notice notice_of_webhook(sluice::Job& job) {
  return notice_of(job, job.payload().string("jobId"));
}

}  // namespace notification
