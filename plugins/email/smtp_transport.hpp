// Sends mails to one server over SMTP with libcurl. The connection is kept from mail to mail.
#pragma once

#include <curl/curl.h>

#include <memory>

#include "smtp_outcome.hpp"
#include "transport.hpp"

namespace email {

class SmtpTransport : public Transport {
 public:
  /// `config` has to outlive it.
  explicit SmtpTransport(const SmtpConfig& config);
  ~SmtpTransport() override;
  sluice::Result send(const Mail& mail, const sluice::Job& job, Receipt& receipt) override;

 private:
  using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

  template <class Value>
  void set(CURLoption option, Value value);
  void set_server();
  Attempt attempt(const Mail& mail, const sluice::Job& job, bool on_new_connection);
  bool lost_idle_connection(const Attempt& attempt) const;

  const SmtpConfig& config_;
  Handle curl_;
};

}  // namespace email
