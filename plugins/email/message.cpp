#include "message.hpp"

#include <algorithm>
#include <string_view>

#include "attachment_file.hpp"
#include "encoding.hpp"

namespace email {

namespace {

constexpr std::size_t most_recipients = 100;  // what each server has to accept, RFC 5321, 4.5.3.1.8
constexpr std::size_t longest_filename = 255;
constexpr std::string_view token_marks = "!#$%&'*+-.^_`{|}~";

std::string place_of(const sluice::Json& json) {
  return "payload " + json.path();
}

Address read_address(const sluice::Json& json) {
  return parse_address(json.as_string(), place_of(json));
}

/// One address, or an array of them; none when the member is absent.
std::vector<Address> read_addresses(const sluice::Json& payload, std::string_view key) {
  std::vector<Address> addresses;
  const auto member = payload.find(key);
  if (!member) return addresses;
  if (!member->value().IsArray()) return {read_address(*member)};
  for (const auto& item : *member) addresses.push_back(read_address(item));
  return addresses;
}

std::string read_header_text(const sluice::Json& object, std::string_view key) {
  std::string text = object.string(key);
  check_header_text(text, place_of(object) + "/" + std::string(key));
  return text;
}

std::string read_text(const sluice::Json& json) {
  std::string text = json.as_string();
  if (!is_utf8(text)) {
    throw sluice::PermanentError("bad-payload", place_of(json) + ": found bytes that are no UTF-8");
  }
  return text;
}

[[noreturn]] void refuse_attachment(const std::string& place, const std::string& why) {
  throw sluice::PermanentError("bad-attachment", place + ": " + why);
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           token_marks.find(c) != std::string_view::npos;
  });
}

/// "; charset=utf-8" and the like, without quotes.
bool are_parameters(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(1);  // the semicolon
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    const std::string_view parameter = text.substr(0, text.find(';'));
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    if (equals == parameter.size()) return false;
    if (!is_token(parameter.substr(0, equals)) || !is_token(parameter.substr(equals + 1))) return false;
    text.remove_prefix(parameter.size());
  }
  return true;
}

bool is_content_type(std::string_view text) {
  const std::size_t end = std::min(text.find(';'), text.size());
  const std::string_view essence = text.substr(0, end);
  const std::size_t slash = std::min(essence.find('/'), essence.size());
  return slash < essence.size() && is_token(essence.substr(0, slash)) &&
         is_token(essence.substr(slash + 1)) && are_parameters(text.substr(end));
}

std::string read_content_type(const sluice::Json& attachment) {
  std::string type = attachment.string_or("contentType", "application/octet-stream");
  const std::string place = place_of(attachment) + "/contentType";
  check_header_text(type, place);
  if (type.size() > longest_filename || !is_content_type(type)) {
    refuse_attachment(place, "'" + type + "' is no content type; expected one like application/pdf");
  }
  std::string group = type.substr(0, type.find('/'));
  for (char& c : group) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (group == "multipart" || group == "message") {  // RFC 2045 forbids to encode those
    refuse_attachment(place, "'" + type + "' can't be attached; use application/octet-stream for it");
  }
  return type;
}

std::string read_filename(const sluice::Json& attachment) {
  std::string name = read_header_text(attachment, "filename");
  if (name.empty() || name.size() > longest_filename || name.find_first_of("/\\") != std::string::npos) {
    refuse_attachment(place_of(attachment) + "/filename",
                      "'" + name + "' is no plain file name of 1 to 255 bytes; the directory goes into path");
  }
  return name;
}

[[noreturn]] void refuse_size(const Config& config) {
  throw sluice::PermanentError("too-large", "the attachments are larger than max_bytes, " +
                                                std::to_string(config.max_bytes) + " bytes, allows a mail");
}

std::string read_content(const sluice::Json& attachment, const Config& config, std::size_t room) {
  const auto content = attachment.find("content");
  const auto path = attachment.find("path");
  if (content.has_value() == path.has_value()) {
    refuse_attachment(place_of(attachment), "expected either content or path");
  }
  if (path) {
    if (config.attachments_directory.empty()) {
      refuse_attachment(place_of(*path), "the plugin has no attachments_directory; configure one");
    }
    auto bytes = read_attachment(config.attachments_directory, path->as_string(), place_of(*path), room);
    if (!bytes) refuse_size(config);
    return std::move(*bytes);
  }
  auto bytes = base64_decoded(content->as_string());
  if (!bytes) refuse_attachment(place_of(*content), "expected base64 with its padding");
  if (bytes->size() > room) refuse_size(config);
  return std::move(*bytes);
}

std::vector<Attachment> read_attachments(const sluice::Json& payload, const Config& config) {
  std::vector<Attachment> attachments;
  const auto list = payload.find("attachments");
  if (!list) return attachments;
  std::size_t room = config.max_bytes;
  for (const auto& item : list->as_array()) {
    Attachment attachment{read_filename(item), read_content_type(item), read_content(item, config, room)};
    room -= attachment.content.size();
    attachments.push_back(std::move(attachment));
  }
  return attachments;
}

void check_recipients(const Message& message) {
  if (message.to.empty()) {
    throw sluice::PermanentError("bad-payload", "payload /to: expected at least one address");
  }
  const std::size_t count = recipients_of(message).size();
  if (count > most_recipients) {
    throw sluice::PermanentError("too-many-recipients",
                                 "the mail has " + std::to_string(count) + " recipients, and a server need " +
                                     "not accept more than 100; make a job for each part of the list");
  }
}

}  // namespace

Message read_message(const sluice::Json& payload, const Config& config) {
  payload.at("to");  // where it is absent, the error says so
  Message message;
  message.to = read_addresses(payload, "to");
  message.cc = read_addresses(payload, "cc");
  message.bcc = read_addresses(payload, "bcc");
  check_recipients(message);
  const auto from = payload.find("from");
  message.from = from ? read_address(*from) : config.from;
  if (const auto reply_to = payload.find("replyTo")) message.reply_to = read_address(*reply_to);
  message.subject = read_header_text(payload, "subject");
  message.text = read_text(payload.at("body"));
  if (const auto html = payload.find("html")) message.html = read_text(*html);
  message.attachments = read_attachments(payload, config);
  return message;
}

std::vector<std::string> recipients_of(const Message& message) {
  std::vector<std::string> mailboxes;
  for (const auto* list : {&message.to, &message.cc, &message.bcc}) {
    for (const Address& address : *list) {
      if (std::find(mailboxes.begin(), mailboxes.end(), address.mailbox) == mailboxes.end()) {
        mailboxes.push_back(address.mailbox);
      }
    }
  }
  return mailboxes;
}

}  // namespace email
