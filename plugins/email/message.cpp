#include "message.hpp"

#include <algorithm>
#include <array>
#include <sluice/result.hpp>
#include <string_view>

#include "encoding.hpp"
#include "plain_text.hpp"
#include "reading.hpp"

namespace email {

namespace {

constexpr std::size_t most_recipients = 100;  // what each server must accept, RFC 5321, 4.5.3.1.8
constexpr std::size_t longest_word = 900;     // of a field; a line has at most 998 bytes
constexpr std::size_t longest_field_name = 76;

// Fields that other members of the payload or the transport set. All Content-... fields are refused as well.
constexpr std::array<std::string_view, 16> own_fields{
    "bcc",          "cc",        "date",        "dkim-signature", "from",   "message-id",
    "mime-version", "received",  "reply-to",    "return-path",    "sender", "subject",
    "to",           "resent-to", "resent-from", "resent-bcc"};

[[noreturn]] void refuse(const char* code, const std::string& why) {
  throw sluice::PermanentError(code, why);
}

/// {"name": "Ada", "address": "ada@example.com"}
Address read_address_object(const sluice::Json& object) {
  const auto address = filled(object, "address");
  if (!address)
    refuse("bad-address",
           place_of(object) +
               ": expected address beside name, as in {\"name\": \"Ada\", \"address\": \"ada@example.com\"}");
  const auto name = filled(object, "name");
  return {name ? std::string(trimmed(line_of(*name))) : std::string(),
          parse_mailbox(address->as_string(), place_of(*address))};
}

void append_addresses(const sluice::Json& json, std::vector<Address>& addresses) {
  if (json.value().IsNull()) return;
  if (json.value().IsArray()) {
    for (const auto& item : json) append_addresses(item, addresses);
  } else if (json.value().IsObject()) {
    addresses.push_back(read_address_object(json));
  } else {
    for (Address& address : parse_addresses(json.as_string(), place_of(json))) {
      addresses.push_back(std::move(address));
    }
  }
}

/// From texts, objects and arrays of both; empty if the member is absent, null or empty.
std::vector<Address> read_addresses(const sluice::Json& object, std::string_view key) {
  std::vector<Address> addresses;
  if (const auto member = filled(object, key)) append_addresses(*member, addresses);
  return addresses;
}

void add_mailboxes(const std::vector<Address>& addresses, std::vector<std::string>& mailboxes) {
  for (const Address& address : addresses) {
    if (std::find(mailboxes.begin(), mailboxes.end(), address.mailbox) == mailboxes.end()) {
      mailboxes.push_back(address.mailbox);
    }
  }
}

/// Throws PermanentError("bad-address") if there is more than one.
std::optional<Address> read_address(const sluice::Json& payload, const std::string& key) {
  auto addresses = read_addresses(payload, key);
  if (addresses.empty()) return std::nullopt;
  if (addresses.size() == 1) return std::move(addresses.front());
  refuse("bad-address",
         "payload /" + key + ": found " + std::to_string(addresses.size()) + " addresses, expected one");
}

/// One mailbox; std::nullopt if it is the same as From, see RFC 5322, 3.6.2.
std::optional<Address> read_sender(const sluice::Json& payload, const Address& from) {
  auto sender = read_address(payload, "sender");
  return sender && sender->mailbox != from.mailbox ? sender : std::nullopt;
}

/// {"from": "bounces@example.com", "to": [...]}: sender and recipients, regardless of the header.
void read_envelope(const sluice::Json& payload, const Config& config, Message& message) {
  message.envelope_from = config.envelope_from.empty() ? message.from.mailbox : config.envelope_from;
  for (const auto* list : {&message.to, &message.cc, &message.bcc}) add_mailboxes(*list, message.envelope_to);
  const auto envelope = filled(payload, "envelope");
  if (!envelope) return;
  const auto from = envelope->find("from");
  if (from && from->value().IsString() && trimmed(from->value().GetString()).empty()) {
    message.envelope_from.clear();
  } else if (const auto senders = read_addresses(*envelope, "from"); senders.size() == 1) {
    message.envelope_from = senders.front().mailbox;
  } else if (from) {
    refuse("bad-address", place_of(*from) + ": expected one address, or an empty text for none");
  }
  std::vector<std::string> mailboxes;
  for (const char* key : {"to", "cc", "bcc"}) add_mailboxes(read_addresses(*envelope, key), mailboxes);
  if (!mailboxes.empty()) message.envelope_to = std::move(mailboxes);
}

void check_recipients(const Message& message) {
  const std::size_t count = message.envelope_to.size();
  if (count == 0) {
    refuse("bad-payload", "payload /to: expected at least one address, found none in to, cc or bcc");
  }
  if (count > most_recipients) {
    refuse("too-many-recipients",
           "the mail has " + std::to_string(count) +
               " recipients, but servers need not accept more than 100; split them between several jobs");
  }
}

void check_field_name(const std::string& name, const std::string& place) {
  const bool plain =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
  if (name.empty() || name.size() > longest_field_name || !plain) {
    refuse("bad-header", place + ": '" + name + "' is not a header field name; expected one like X-Campaign");
  }
  const std::string small = small_letters(name);
  if (std::find(own_fields.begin(), own_fields.end(), small) != own_fields.end() ||
      small.rfind("content-", 0) == 0) {
    refuse("bad-header",
           place + ": " + name +
               " is set by the plugin; use the payload's own members (to, cc, from, sender, replyTo, "
               "subject, messageId, envelope) if there is one");
  }
}

void add_header(const std::string& name, const sluice::Json& value, Message& message) {
  check_field_name(name, place_of(value));
  std::string text = line_of(value);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (end > longest_word)
      refuse("bad-header", place_of(value) + ": found a word of over 900 bytes, too long for a line");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  message.headers.emplace_back(name, std::string(trimmed(text)));
}

/// One value, or an array with a field for each.
void add_headers(const std::string& name, const sluice::Json& values, Message& message) {
  if (values.value().IsNull()) return;
  if (!values.value().IsArray()) return add_header(name, values, message);
  for (const auto& value : values) add_header(name, value, message);
}

/// {"X-Campaign": "spring"}, or [{"key": "X-Campaign", "value": "spring"}].
void read_headers(const sluice::Json& payload, Message& message) {
  const auto headers = filled(payload, "headers");
  if (!headers) return;
  if (headers->value().IsArray()) {
    for (const auto& item : *headers) add_headers(item.string("key"), item.at("value"), message);
    return;
  }
  const sluice::Json fields = headers->as_object();
  for (const auto& field : fields.value().GetObject()) {
    const std::string name(field.name.GetString(), field.name.GetStringLength());
    add_headers(name, fields.at(name), message);
  }
}

bool is_message_id(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  return plain && text.size() > 4 && text.size() < longest_word && text.front() == '<' &&
         text.back() == '>' && text.find('@') != std::string_view::npos &&
         text.find_first_of("<>", 1) == text.size() - 1;
}

/// Adds missing angle brackets.
std::string read_message_id(const sluice::Json& json) {
  std::string id(trimmed(line_of(json)));
  if (!id.empty() && id.front() != '<') id = "<" + id + ">";
  if (!is_message_id(id))
    refuse("bad-header", place_of(json) + ": '" + id + "' is not a message id; expected <name@domain>");
  return id;
}

/// Several ids in one text or in an array. The result separates them by blanks.
std::string read_message_ids(const sluice::Json& json) {
  if (!json.value().IsArray()) {
    const std::string text = line_of(json);
    return trimmed(text).find(' ') == std::string_view::npos ? read_message_id(json)
                                                             : std::string(trimmed(text));
  }
  std::string all;
  for (const auto& item : json) all += (all.empty() ? "" : " ") + read_message_id(item);
  return all;
}

void read_ids(const sluice::Json& payload, Message& message) {
  if (const auto id = filled(payload, "messageId")) message.message_id = read_message_id(*id);
  if (const auto id = filled(payload, "inReplyTo"))
    message.headers.emplace_back("In-Reply-To", read_message_id(*id));
  if (const auto ids = filled(payload, "references")) {
    std::string all = read_message_ids(*ids);
    if (!all.empty()) message.headers.emplace_back("References", std::move(all));
  }
}

/// `body` and `text` mean the same.
std::optional<std::string> read_plain_text(const sluice::Json& payload) {
  const auto body = payload.find("body");
  const auto text = payload.find("text");
  if (body && text && text_of(*body) != text_of(*text)) {
    refuse("bad-payload", "payload /text: it means the same as body, but body differs; keep one of them");
  }
  if (!body && !text) return std::nullopt;
  return text_of(body ? *body : *text);
}

/// The payload's own texts take precedence over those of its template.
void read_body(const sluice::Json& payload, Rendered rendered, Message& message) {
  const auto subject = payload.find("subject");
  message.subject =
      subject || !rendered.subject ? line_of(payload.at("subject")) : std::move(*rendered.subject);
  message.text = read_plain_text(payload);
  if (!message.text) message.text = std::move(rendered.text);
  message.html = std::move(rendered.html);
  if (const auto html = filled(payload, "html")) message.html = text_of(*html);
  if (!message.html && !message.text) {
    refuse("bad-payload", "payload /body: expected a text, found none in body, html or template");
  }
  const bool has_text = message.text && !trimmed(*message.text).empty();
  if (message.html && !has_text) message.text = plain_text_of(*message.html);
}

}  // namespace

Message read_message(const sluice::Json& payload, const Config& config, Rendered rendered) {
  Message message;
  message.to = read_addresses(payload, "to");
  message.cc = read_addresses(payload, "cc");
  message.bcc = read_addresses(payload, "bcc");
  message.from = read_address(payload, "from").value_or(config.from);
  message.sender = read_sender(payload, message.from);
  message.reply_to = read_addresses(payload, "replyTo");
  read_envelope(payload, config, message);
  check_recipients(message);
  read_body(payload, std::move(rendered), message);
  read_ids(payload, message);
  read_headers(payload, message);
  message.attachments = read_attachments(payload, config);
  return message;
}

bool needs_smtputf8(const Message& message) {
  const auto beyond = [](const Address& address) { return is_beyond_ascii(address.mailbox); };
  for (const auto* list : {&message.to, &message.cc, &message.reply_to}) {
    if (std::any_of(list->begin(), list->end(), beyond)) return true;
  }
  return beyond(message.from) || (message.sender && beyond(*message.sender)) ||
         is_beyond_ascii(message.envelope_from) ||
         std::any_of(message.envelope_to.begin(), message.envelope_to.end(),
                     [](const std::string& mailbox) { return is_beyond_ascii(mailbox); });
}

}  // namespace email
