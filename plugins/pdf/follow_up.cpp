#include "follow_up.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <sluice/result.hpp>

namespace pdf {

namespace {

constexpr const char* mail = "email.send";
constexpr const char* attachments = "attachments";

/// Calls `use` with each follow-up job of the payload.
template <class Use>
void for_each(const sluice::Json& payload, Use use) {
  const auto then = payload.find("then");
  if (!then) return;
  if (!then->value().IsArray()) {
    use(then->as_object());
    return;
  }
  for (const auto& job : *then) use(job.as_object());
}

void attach(rapidjson::Document& payload, const Document& document) {
  auto& memory = payload.GetAllocator();
  const auto name = document.path.substr(document.path.rfind('/') + 1);
  rapidjson::Value file(rapidjson::kObjectType);
  file.AddMember("filename", rapidjson::Value(name.c_str(), memory), memory);
  file.AddMember("contentType", "application/pdf", memory);
  file.AddMember("path", rapidjson::Value(document.path.c_str(), memory), memory);
  if (!payload.HasMember(attachments)) {
    payload.AddMember(rapidjson::StringRef(attachments), rapidjson::Value(rapidjson::kArrayType), memory);
  }
  rapidjson::Value& list = payload[attachments];
  if (list.IsNull()) list.SetArray();
  list.PushBack(file, memory);
}

std::string text_of(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

void check_follow_ups(const sluice::Json& payload) {
  for_each(payload, [](const sluice::Json& then) {
    const auto type = then.string_or("type", mail);
    const auto content = then.object("payload");
    if (type != mail) return;
    if (const auto list = content.find(attachments)) (void)list->as_array();
  });
}

void enqueue_follow_ups(sluice::Job& job, const Document& document) {
  for_each(job.payload(), [&](const sluice::Json& then) {
    const auto type = then.string_or("type", mail);
    rapidjson::Document payload;
    payload.CopyFrom(then.object("payload").value(), payload.GetAllocator());
    if (type == mail) attach(payload, document);
    const auto text = text_of(payload);
    sluice::NewJob next;
    next.type = type;
    next.payload = text;
    job.enqueue(next);
  });
}

}  // namespace pdf
