#include "attachment.hpp"

#include <algorithm>
#include <optional>
#include <sluice/result.hpp>
#include <string_view>
#include <utility>

#include "attachment_file.hpp"
#include "content_type.hpp"
#include "encoding.hpp"
#include "reading.hpp"

namespace email {

namespace {

constexpr std::size_t longest_filename = 255;
constexpr std::size_t longest_cid = 200;

[[noreturn]] void refuse(const std::string& place, const std::string& why) {
  throw sluice::PermanentError("bad-attachment", place + ": " + why);
}

struct Content {
  std::string bytes;
  std::string type;  // empty if the source of the bytes does not name it
};

/// The bytes of `text`, decoded. `encoding` has the names of Node.js. std::nullopt if `text` is invalid in
/// that encoding.
std::optional<std::string> decoded(const std::string& text, const std::string& encoding,
                                   const std::string& place) {
  if (encoding == "utf8" || encoding == "utf-8" || encoding == "ascii" || encoding == "7bit" ||
      encoding == "8bit") {
    return text;
  }
  if (encoding == "base64" || encoding == "base64url") return base64_decoded(text);
  if (encoding == "hex") return hex_decoded(text);
  if (encoding == "latin1" || encoding == "binary") return latin1_encoded(text);
  refuse(place, "'" + encoding + "' is an unknown encoding; expected utf8, base64, hex or latin1");
}

std::string text_content(const sluice::Json& attachment, const sluice::Json& content) {
  const auto encoding = filled(attachment, "encoding");
  std::string text = text_of(content);
  if (!encoding) return text;
  const std::string name = small_letters(line_of(*encoding));
  auto bytes = decoded(text, name, place_of(*encoding));
  if (!bytes) refuse(place_of(content), "expected " + name + ", as encoding says");
  return std::move(*bytes);
}

char byte_of(const sluice::Json& number) {
  constexpr std::int64_t most = 255;
  const std::int64_t value = number.as_integer();
  if (value < 0 || value > most) refuse(place_of(number), "expected a byte, 0 to 255");
  return static_cast<char>(value);
}

std::string bytes_of(const sluice::Json& array) {
  std::string bytes;
  bytes.reserve(array.size());
  for (const auto& byte : array.as_array()) bytes += byte_of(byte);
  return bytes;
}

/// JSON.stringify writes a Uint8Array, such as Prisma's Bytes, as {"0": 137, "1": 80}.
bool is_typed_array(const rapidjson::Value& object) {
  std::size_t next = 0;
  for (const auto& member : object.GetObject()) {
    if (std::to_string(next++) != member.name.GetString() || !member.value.IsInt()) return false;
  }
  return next > 0;
}

/// `content` is a Buffer as JSON.stringify writes it, {"type": "Buffer", "data": [137, 80]}; a Uint8Array; or
/// an array of bytes.
std::string buffer_content(const sluice::Json& content) {
  if (content.value().IsArray()) return bytes_of(content);
  if (is_typed_array(content.value())) {
    std::string bytes;
    for (const auto& member : content.value().GetObject()) {
      bytes += byte_of({member.value, "payload", content.path() + "/" + member.name.GetString()});
    }
    return bytes;
  }
  if (content.string_or("type", "") != "Buffer") {
    refuse(place_of(content),
           R"(expected text, bytes, or the JSON of a Buffer, {"type": "Buffer", "data": [...]})");
  }
  const sluice::Json data = content.at("data");
  if (data.value().IsString()) {
    auto bytes = base64_decoded(data.as_string());
    if (!bytes) refuse(place_of(data), "expected base64");
    return std::move(*bytes);
  }
  return bytes_of(data);
}

bool is_data_uri(std::string_view text) {
  return small_letters(std::string(text.substr(0, 5))) == "data:";
}

/// data:image/png;base64,iVBO...
Content data_content(std::string_view uri, const std::string& place) {
  uri.remove_prefix(5);
  const std::size_t comma = uri.find(',');
  if (comma == std::string_view::npos) refuse(place, "the data: URI has no comma before its data");
  std::string type(uri.substr(0, comma));
  const auto text = percent_decoded(uri.substr(comma + 1));
  constexpr std::string_view mark = ";base64";
  const bool base64 =
      type.size() >= mark.size() && small_letters(type.substr(type.size() - mark.size())) == mark;
  if (base64) type.erase(type.size() - mark.size());
  auto bytes = base64 && text ? base64_decoded(*text) : text;
  if (!bytes)
    refuse(place, base64 ? "the data: URI has invalid base64" : "the data: URI has a '%' without two digits");
  return {std::move(*bytes), type.rfind(';', 0) == 0 ? "text/plain" + type : type};
}

[[noreturn]] void refuse_size(const Config& config) {
  throw sluice::PermanentError("too-large", "the attachments are larger than max_bytes allows, " +
                                                std::to_string(config.max_bytes) + " bytes");
}

Content file_content(const sluice::Json& path, const Config& config, std::size_t room) {
  std::string name = path.as_string();
  if (is_data_uri(name)) return data_content(name, place_of(path));
  if (config.attachments_directory.empty()) {
    refuse(place_of(path), "the plugin has no attachments_directory; configure one");
  }
  // The output of a job that wrote the file has the path with the directory.
  const std::string& directory = config.attachments_directory;
  const std::string prefix = directory + (directory.back() == '/' ? "" : "/");
  if (name.rfind(prefix, 0) == 0) name.erase(0, prefix.size());
  auto bytes = read_attachment(config.attachments_directory, name, place_of(path), room);
  if (!bytes) refuse_size(config);
  return {std::move(*bytes), {}};
}

Content read_content(const sluice::Json& attachment, const Config& config, std::size_t room) {
  for (const char* fetched : {"href", "raw", "job"}) {
    const auto member = attachment.find(fetched);
    if (!member) continue;
    if (member->value().IsString() && is_data_uri(member->as_string())) {
      return data_content(member->as_string(), place_of(*member));
    }
    refuse(
        place_of(*member),
        "attachments are not fetched; give the bytes in content, or a file in attachments_directory in path");
  }
  const auto content = attachment.find("content");
  const auto path = filled(attachment, "path");
  if (content.has_value() == path.has_value())
    refuse(place_of(attachment), "expected either content or path");
  if (path) return file_content(*path, config, room);
  if (content->value().IsObject() || content->value().IsArray()) return {buffer_content(*content), {}};
  return {text_content(attachment, *content), {}};
}

std::string read_filename(const sluice::Json& attachment, std::size_t number) {
  auto member = filled(attachment, "filename");
  if (!member && filled(attachment, "path")) {
    const std::string path = attachment.string("path");
    if (!is_data_uri(path)) return path.substr(path.rfind('/') + 1);
  }
  if (!member) return "attachment-" + std::to_string(number);
  std::string name = line_of(*member);
  if (name.size() > longest_filename || name.find_first_of("/\\") != std::string::npos) {
    refuse(place_of(*member),
           "'" + name + "' is not a plain file name of 1 to 255 bytes; a directory goes into path");
  }
  return name;
}

std::string read_cid(const sluice::Json& attachment) {
  const auto member = filled(attachment, "cid");
  if (!member) return {};
  std::string cid = line_of(*member);
  if (cid.size() > 2 && cid.front() == '<' && cid.back() == '>') cid = cid.substr(1, cid.size() - 2);
  const bool plain =
      std::all_of(cid.begin(), cid.end(), [](char c) { return c > ' ' && c < 0x7F && c != '<' && c != '>'; });
  if (!plain || cid.size() > longest_cid) {
    refuse(place_of(*member),
           "'" + cid + "' is an invalid cid; expected up to 200 ASCII characters, no blanks");
  }
  return cid;
}

bool read_inline(const sluice::Json& attachment, bool has_cid) {
  const auto member = filled(attachment, "contentDisposition");
  if (!member) return has_cid;
  const std::string disposition = small_letters(line_of(*member));
  if (disposition == "inline") return true;
  if (disposition == "attachment") return false;
  refuse(place_of(*member), "expected attachment or inline, found '" + disposition + "'");
}

std::string read_content_type(const sluice::Json& attachment, const Content& content,
                              const std::string& filename) {
  std::string type = content_type_of(filename);
  if (!content.type.empty()) type = checked_content_type(content.type, place_of(attachment));
  const auto member = filled(attachment, "contentType");
  if (member) type = checked_content_type(line_of(*member), place_of(*member));
  const bool is_text = small_letters(type.substr(0, 5)) == "text/";
  const bool says_charset = !is_text || has_parameter(type, "charset") || !is_beyond_ascii(content.bytes);
  return says_charset || !is_utf8(content.bytes) ? type : type + "; charset=utf-8";
}

}  // namespace

std::vector<Attachment> read_attachments(const sluice::Json& payload, const Config& config) {
  std::vector<Attachment> attachments;
  const auto list = filled(payload, "attachments");
  if (!list) return attachments;
  std::size_t room = config.max_bytes;
  for (const auto& item : list->as_array()) {
    if (item.value().IsNull()) continue;
    Attachment attachment;
    attachment.filename = read_filename(item, attachments.size() + 1);
    attachment.cid = read_cid(item);
    attachment.is_inline = read_inline(item, !attachment.cid.empty());
    Content content = read_content(item, config, room);
    if (content.bytes.size() > room) refuse_size(config);
    attachment.content_type = read_content_type(item, content, attachment.filename);
    attachment.content = std::move(content.bytes);
    room -= attachment.content.size();
    attachments.push_back(std::move(attachment));
  }
  return attachments;
}

}  // namespace email
