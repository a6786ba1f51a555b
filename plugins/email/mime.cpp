#include "mime.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "content_type.hpp"
#include "encoding.hpp"
#include "header.hpp"

namespace email {

namespace {

/// One part with its header fields, without a line break at its end.
std::string text_part(const std::string& subtype, const std::string& text) {
  return "Content-Type: text/" + subtype +
         "; charset=utf-8\r\n"
         "Content-Transfer-Encoding: quoted-printable\r\n\r\n" +
         quoted_printable(text);
}

std::string attachment_part(const Attachment& attachment) {
  std::string text = "Content-Type: " + attachment.content_type;
  if (!has_parameter(attachment.content_type, "name")) text += old_parameter("name", attachment.filename);
  text += "\r\n";
  if (!attachment.cid.empty()) text += "Content-ID: <" + attachment.cid + ">\r\n";
  text += std::string("Content-Disposition: ") + (attachment.is_inline ? "inline" : "attachment") +
          parameter("filename", attachment.filename) + "\r\n";
  return text + "Content-Transfer-Encoding: base64\r\n\r\n" + base64_lines(attachment.content);
}

/// Several parts as one. No encoded part contains "=_", so the boundary can't occur in a part.
class Multipart {
 public:
  Multipart(const std::string& subtype, const std::string& digest)
      : boundary_("=_" + digest + "_" + subtype),
        text_("Content-Type: multipart/" + subtype + ";\r\n boundary=\"" + boundary_ + "\"\r\n") {}

  void add(const std::string& part) {
    text_ += "\r\n--" + boundary_ + "\r\n";
    text_ += part;
  }
  std::string take() {
    text_ += "\r\n--" + boundary_ + "--";
    return std::move(text_);
  }

 private:
  const std::string boundary_;
  std::string text_;
};

/// An attachment with a cid belongs to the HTML; the others are attached to the mail.
bool belongs_to_html(const Attachment& attachment, const Message& message) {
  return message.html && !attachment.cid.empty();
}

std::string html_part(const Message& message, const std::string& digest) {
  std::string html = text_part("html", *message.html);
  Multipart related("related", digest);
  related.add(html);
  bool alone = true;
  for (const Attachment& attachment : message.attachments) {
    if (!belongs_to_html(attachment, message)) continue;
    related.add(attachment_part(attachment));
    alone = false;
  }
  return alone ? html : related.take();
}

std::string body_part(const Message& message, const std::string& digest) {
  std::string plain = text_part("plain", *message.text);
  if (!message.html) return plain;
  Multipart alternative("alternative", digest);
  alternative.add(plain);
  alternative.add(html_part(message, digest));
  return alternative.take();
}

std::string content_part(const Message& message, const std::string& digest) {
  std::string body = body_part(message, digest);
  Multipart mixed("mixed", digest);
  mixed.add(body);
  bool alone = true;
  for (const Attachment& attachment : message.attachments) {
    if (belongs_to_html(attachment, message)) continue;
    mixed.add(attachment_part(attachment));
    alone = false;
  }
  return alone ? body : mixed.take();
}

/// "Mon, 23 Nov 2026 11:42:42 +0000", in every locale.
std::string date_text(std::time_t date) {
  static constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&date, &utc);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %d %02d:%02d:%02d +0000",
                days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                utc.tm_sec);
  return text.data();
}

}  // namespace

std::string render(const Message& message, const std::string& message_id, const std::string& digest,
                   std::time_t date) {
  std::string text;
  text += "Date: " + date_text(date) + "\r\n";
  text += address_field("From", {message.from});
  if (message.sender) text += address_field("Sender", {*message.sender});
  if (!message.reply_to.empty()) text += address_field("Reply-To", message.reply_to);
  text += message.to.empty() ? "To: undisclosed-recipients:;\r\n" : address_field("To", message.to);
  if (!message.cc.empty()) text += address_field("Cc", message.cc);
  text += text_field("Subject", message.subject);
  text += "Message-ID: " + message_id + "\r\n";
  for (const auto& [name, value] : message.headers) text += raw_field(name, value);
  text += "MIME-Version: 1.0\r\n";
  text += content_part(message, digest);
  if (text.compare(text.size() - 2, 2, "\r\n") != 0) text += "\r\n";
  return text;
}

}  // namespace email
