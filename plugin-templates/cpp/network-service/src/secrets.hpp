// How requests are signed, and how what signs them is kept out of everything that is shown.
#ifndef SECRETS_HPP
#define SECRETS_HPP

#include <lao/lao.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "address.hpp"

namespace secrets {

class Credentials {
  public:
    Credentials() = default;
    // From the settings `auth`, `token`, `api_key`, ... Throws lao::InvalidConfig when one is missing or cannot be sent.
    explicit Credentials(const lao::Config &config);

    // The header that carries them, in lower case; empty where there is none.
    const std::string &header_name() const noexcept { return header_name_; }
    const std::string &header_value() const noexcept { return header_value_; }
    // Puts them into the query, where they go there.
    void sign(address::Address &to) const;

    // `text` with `***` for every secret: a server may send back what it was sent.
    std::string without(std::string text) const;

  private:
    void hide(const std::string &secret);

    std::string header_name_, header_value_;
    std::string query_name_, query_value_;
    std::vector<std::string> hidden_; // every form in which they may come back
};

std::string base64(std::string_view bytes);

} // namespace secrets

#endif
