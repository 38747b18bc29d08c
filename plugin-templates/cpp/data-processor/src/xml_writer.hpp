// XML that is written: elements below one root. A field whose name no element can have is `<field name="...">`.
#ifndef XML_WRITER_HPP
#define XML_WRITER_HPP

#include "record.hpp"

namespace data {

class XmlWriter {
  public:
    XmlWriter(std::string root, std::string record);

    void write(const Record &record, std::string &out);
    void end(std::string &out);

  private:
    void begin(std::string &out);

    std::string root_;
    std::string record_;
    bool is_open_ = false;
};

} // namespace data

#endif // XML_WRITER_HPP
