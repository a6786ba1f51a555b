#include "mime.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "encoding.hpp"
#include "header.hpp"

namespace email {

namespace {

/// One part with its own header fields; without a line break at its end.
std::string text_part(const std::string& subtype, const std::string& text) {
  return "Content-Type: text/" + subtype +
         "; charset=utf-8\r\n"
         "Content-Transfer-Encoding: quoted-printable\r\n\r\n" +
         quoted_printable(text);
}

std::string attachment_part(const Attachment& attachment) {
  return "Content-Type: " + attachment.content_type +
         "\r\n"
         "Content-Disposition: attachment;\r\n " +
         parameter("filename", attachment.filename) +
         "\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\n" +
         base64_lines(attachment.content);
}

/// Several parts as one. No encoded part holds "=_", so the boundary is in none of them.
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

std::string body_part(const Message& message, const std::string& digest) {
  std::string plain = text_part("plain", message.text);
  if (!message.html) return plain;
  Multipart alternative("alternative", digest);
  alternative.add(plain);
  alternative.add(text_part("html", *message.html));
  return alternative.take();
}

std::string content_part(const Message& message, const std::string& digest) {
  if (message.attachments.empty()) return body_part(message, digest);
  Multipart mixed("mixed", digest);
  mixed.add(body_part(message, digest));
  for (const Attachment& attachment : message.attachments) mixed.add(attachment_part(attachment));
  return mixed.take();
}

/// "Mon, 23 Nov 2026 11:42:42 +0000", whatever the process's locale is.
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
  text += "From: " + address_list({message.from}) + "\r\n";
  if (message.reply_to) text += "Reply-To: " + address_list({*message.reply_to}) + "\r\n";
  text += "To: " + address_list(message.to) + "\r\n";
  if (!message.cc.empty()) text += "Cc: " + address_list(message.cc) + "\r\n";
  text += "Subject: " + unstructured(message.subject) + "\r\n";
  text += "Message-ID: " + message_id + "\r\n";
  text += "MIME-Version: 1.0\r\n";
  text += content_part(message, digest);
  if (text.compare(text.size() - 2, 2, "\r\n") != 0) text += "\r\n";
  return text;
}

}  // namespace email
