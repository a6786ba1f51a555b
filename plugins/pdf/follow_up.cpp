#include "follow_up.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <sluice/result.hpp>
#include <string>

namespace pdf {

namespace {

constexpr const char* mail = "email.send";
const std::string attachments = "attachments";

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

using Buffer = rapidjson::StringBuffer;
using Writer = rapidjson::Writer<Buffer>;

void put(Writer& writer, const std::string& text) {
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

/// Unchanged: a number keeps its digits.
void put(Writer& writer, const sluice::Json& value) {
  const std::string json = value.json();
  writer.RawValue(json.data(), json.size(), rapidjson::kObjectType);
}

void put_attachment(Writer& writer, const Document& document) {
  writer.StartObject();
  put(writer, "filename");
  put(writer, document.path.substr(document.path.rfind('/') + 1));
  put(writer, "contentType");
  put(writer, "application/pdf");
  put(writer, "path");
  put(writer, document.path);
  writer.EndObject();
}

/// A mail's payload with the document as its last attachment.
std::string with_document(const sluice::Json& payload, const Document& document) {
  Buffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  for (const auto& member : payload.value().GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (name == attachments) continue;
    put(writer, name);
    put(writer, payload.at(name));
  }
  put(writer, attachments);
  writer.StartArray();
  if (const auto list = payload.find(attachments)) {
    for (const auto& attachment : *list) put(writer, attachment);
  }
  put_attachment(writer, document);
  writer.EndArray();
  writer.EndObject();
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
    const auto payload = then.object("payload");
    const auto text = type == mail ? with_document(payload, document) : payload.json();
    sluice::NewJob next;
    next.type = type;
    next.payload = text;
    job.enqueue(next);
  });
}

}  // namespace pdf
