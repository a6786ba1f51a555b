#include "smtp_server.hpp"

#include <stdexcept>

namespace sluice::test {

std::string base64_of(const std::string& bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) out += digits[(bits >> (held - 6)) & 63U];
  }
  if (held > 0) out += digits[(bits << (6 - held)) & 63U];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

ReceivedMail::ReceivedMail(const std::string& json) {
  document_.Parse(json.c_str());
  if (document_.HasParseError()) throw std::runtime_error("the server wrote invalid JSON: " + json);
}

std::string ReceivedMail::addresses(const std::string& header) const {
  std::string all;
  for (const auto& address : mail().object("addresses").array(header)) {
    const auto& value = address.value();
    if (!all.empty()) all += ", ";
    all += std::string(value[0].GetString()) + " <" + value[1].GetString() + ">";
  }
  return all;
}

Json ReceivedMail::part(std::size_t index) const {
  const Json parts = mail().array("parts");
  if (index >= parts.size()) throw std::runtime_error("the mail has no part " + std::to_string(index));
  const auto& value = parts.value()[static_cast<rapidjson::SizeType>(index)];
  return {value, "received", "/mail/parts/" + std::to_string(index)};
}

std::vector<ReceivedMail> SmtpServer::mails() const {
  std::vector<ReceivedMail> all;
  for (;;) {
    const std::string text = server_.records().read(std::to_string(all.size() + 1) + ".json");
    if (text.empty()) return all;
    all.emplace_back(text);
  }
}

long SmtpServer::count(const std::string& event) const {
  std::istringstream events(server_.records().read("events"));
  long count = 0;
  for (std::string line; std::getline(events, line);) count += line == event ? 1 : 0;
  return count;
}

}  // namespace sluice::test
